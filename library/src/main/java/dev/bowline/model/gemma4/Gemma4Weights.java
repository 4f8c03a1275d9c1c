package dev.bowline.model.gemma4;

import dev.bowline.model.Component;
import dev.bowline.model.KeyRoute;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How Gemma 4 checkpoints spell the tensors.
///
/// The decoder's names follow `model.language_model.` in checkpoints of the conditional class and `model.` in those of
/// the text class; either class is given either. Pre-release files call the experts `moe.…`.
final class Gemma4Weights {

    private static final String HEAD = "lm_head.";

    /// The longer first: it starts with the other.
    private static final List<String> DECODER_PREFIXES = List.of("model.language_model.", "model.");

    private static final Map<String, Component> TOWERS = Map.of(
            "model.vision_tower.", Component.VISION_TOWER,
            "model.embed_vision.", Component.VISION_TOWER,
            "model.audio_tower.", Component.AUDIO_TOWER,
            "model.embed_audio.", Component.AUDIO_TOWER);

    private static final Map<String, String> LEGACY_EXPERTS = Map.of(
            "moe.gate_up_proj", "experts.gate_up_proj",
            "moe.down_proj", "experts.down_proj",
            "moe.per_expert_scale", "router.per_expert_scale");

    private static final Pattern IN_LAYER = Pattern.compile("layers\\.(\\d{1,6})\\.(.+)");
    private static final Pattern KEY_OR_VALUE = Pattern.compile(
            "self_attn\\.(k_proj\\.(weight|bias)|v_proj\\.(weight|bias)|k_norm\\.weight|v_norm\\.weight)");

    private final String decoderPath;
    private final Gemma4Config config;

    Gemma4Weights(String decoderPath, Gemma4Config config) {
        this.decoderPath = decoderPath;
        this.config = config;
    }

    Optional<KeyRoute> route(String key) {
        for (Map.Entry<String, Component> tower : TOWERS.entrySet()) {
            if (key.startsWith(tower.getKey())) {
                return Optional.of(new KeyRoute.PassThrough(tower.getValue()));
            }
        }
        if (key.startsWith(HEAD)) {
            return Optional.of(new KeyRoute.Fill(key));
        }
        return DECODER_PREFIXES.stream()
                .filter(key::startsWith)
                .findFirst()
                .map(prefix -> decoder(key.substring(prefix.length())));
    }

    /// @param name below the decoder
    private KeyRoute decoder(String name) {
        Matcher layer = IN_LAYER.matcher(name);
        if (!layer.matches()) {
            return new KeyRoute.Fill(decoderPath + "." + name);
        }
        int index = Integer.parseInt(layer.group(1));
        String inLayer = layer.group(2);
        boolean exists = index < config.layers().size();
        if (exists && config.isShared(index) && KEY_OR_VALUE.matcher(inLayer).matches()) {
            return new KeyRoute.Ignore("layer %d attends to the keys and values of layer %d"
                    .formatted(index, config.keyValueLayer(index)));
        }
        return new KeyRoute.Fill("%s.layers.%s.%s"
                .formatted(decoderPath, layer.group(1), LEGACY_EXPERTS.getOrDefault(inLayer, inLayer)));
    }
}
