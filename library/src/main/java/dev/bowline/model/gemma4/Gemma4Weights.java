package dev.bowline.model.gemma4;

import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.statedict.WeightRule;
import dev.bowline.statedict.WeightRule.Ignore;
import dev.bowline.statedict.WeightRule.PassThrough;
import dev.bowline.statedict.WeightRule.Rename;
import java.util.ArrayList;
import java.util.List;

/// The differences between Gemma 4 checkpoints' tensor names and the slots' names.
final class Gemma4Weights {

    private static final String CONDITIONAL = "model.language_model";

    /// The names directly below the decoder.
    private static final List<String> IN_DECODER = List.of(
            "embed_tokens",
            "embed_tokens_per_layer",
            "per_layer_model_projection",
            "per_layer_projection_norm",
            "layers",
            "norm");

    private Gemma4Weights() {}

    /// @param decoder the decoder's path in the model
    static List<WeightRule> rules(String decoder, DecoderConfig config) {
        List<WeightRule> rules = new ArrayList<>();
        rules.add(new PassThrough("model.vision_tower.{rest}", "vision tower"));
        rules.add(new PassThrough("model.embed_vision.{rest}", "vision tower"));
        rules.add(new PassThrough("model.audio_tower.{rest}", "audio tower"));
        rules.add(new PassThrough("model.embed_audio.{rest}", "audio tower"));
        addOtherPrefix(rules, decoder);
        addPreReleaseExperts(rules, decoder);
        for (int layer = 0; layer < config.layers().size(); layer++) {
            if (config.layers().get(layer).attention().projections()
                    instanceof AttentionConfig.Projections.QueriesOnly queries) {
                addDead(rules, "%s.layers.%d.self_attn.".formatted(decoder, layer), layer, queries.keyValueLayer());
            }
        }
        return rules;
    }

    /// The conditional class names the decoder `model.language_model`, the text class `model`; each is given
    /// the other's checkpoints. The shorter prefix has a rule per child, because the towers are below it too.
    private static void addOtherPrefix(List<WeightRule> rules, String decoder) {
        if (decoder.equals(CONDITIONAL)) {
            IN_DECODER.forEach(
                    child -> rules.add(new Rename("model." + child + ".{rest}", decoder + "." + child + ".{rest}")));
        } else {
            rules.add(new Rename(CONDITIONAL + ".{rest}", decoder + ".{rest}"));
        }
    }

    private static void addPreReleaseExperts(List<WeightRule> rules, String decoder) {
        String layer = decoder + ".layers.{}.";
        rules.add(new Rename(layer + "moe.per_expert_scale", layer + "router.per_expert_scale"));
        rules.add(new Rename(layer + "moe.{rest}", layer + "experts.{rest}"));
    }

    /// Published files keep the projections of layers that have no keys and values of their own.
    private static void addDead(List<WeightRule> rules, String attention, int layer, int donor) {
        String reason = "layer %d attends to the keys and values of layer %d".formatted(layer, donor);
        for (String dead : List.of("k_proj", "v_proj", "k_norm", "v_norm")) {
            rules.add(new Ignore(attention + dead + ".{rest}", reason));
        }
    }
}
