package dev.bowline.model.gemma3;

import dev.bowline.model.Architecture;
import dev.bowline.model.CommonWeightRules;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.RopeReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Rope;
import dev.bowline.ties.TieFlag;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// The Gemma 3 classes, with the defaults of transformers' `Gemma3TextConfig`. Published tied; a separate head
/// is tested against transformers.
///
/// Older files give the full layers' rotation as `rope_theta` and `rope_scaling`, the windowed layers' as
/// `rope_local_base_freq`, and the pattern of layers as `sliding_window_pattern`.
public final class Gemma3Family {

    private static final Architecture CAUSAL_LM = Architecture.of(
                    "Gemma3ForCausalLM", "gemma3_text", TieFlag.ClassDefault.TIED, Gemma3Family::text)
            .withBase("Gemma3TextModel")
            .refusing("use_bidirectional_attention", "partial_rotary_factor");

    /// Text, with a vision tower that is passed through; the top level's tie flag decides.
    private static final Architecture CONDITIONAL_GENERATION = Architecture.of(
                    "Gemma3ForConditionalGeneration", "gemma3", TieFlag.ClassDefault.TIED, Gemma3Family::insideVision)
            .at(Architecture.Level.TEXT_CONFIG)
            .refusing("use_bidirectional_attention", "partial_rotary_factor")
            .with(CommonWeightRules.VISION_LANGUAGE);

    public static final List<Architecture> ARCHITECTURES = List.of(CAUSAL_LM, CONDITIONAL_GENERATION);

    private Gemma3Family() {}

    private static DecoderConfig text(ConfigReader keys) {
        return read(keys, keys.nullable("final_logit_softcapping", OptionalDouble.empty()));
    }

    /// transformers caps the logits of the text class only: for this class a cap is not read, and refused.
    private static DecoderConfig insideVision(ConfigReader keys) {
        return read(keys, OptionalDouble.empty());
    }

    private static DecoderConfig read(ConfigReader keys, OptionalDouble softcap) {
        DecoderConfig.Size size = keys.size(262_208, 2304, 131_072, 1e-6, OptionalLong.of(0));
        AttentionConfig.Heads heads = keys.heads(8, OptionalInt.of(4), OptionalInt.of(256), size.hidden());
        AttentionConfig attention = AttentionConfig.of(heads, keys.bias("attention_bias"))
                .with(AttentionConfig.HeadNorms.QUERIES_AND_KEYS)
                .scored(Math.pow(keys.number("query_pre_attn_scalar", 256), -0.5), OptionalDouble.empty());
        Rope full = keys.rope(
                "full_attention",
                new RopeReader.Defaults(1_000_000, heads.width(), size.maxPositions()),
                List.of("rope_theta", "rope_scaling"));
        Rope local = keys.rope(
                "sliding_attention",
                new RopeReader.Defaults(10_000, heads.width(), size.maxPositions()),
                List.of("rope_local_base_freq"));
        FeedForwardConfig feedForward = keys.gated(9216, Linear.Bias.NONE);
        int pattern = keys.every("sliding_window_pattern", 6);
        OptionalInt written = keys.nullable("sliding_window", OptionalInt.of(4096));
        List<LayerConfig> layers = keys.windows(keys.layers(26), layer -> (layer + 1) % pattern != 0, written).stream()
                .map(window -> attention.with(window.isPresent() ? local : full).within(window))
                .map(each -> new LayerConfig(each, feedForward))
                .toList();
        keys.dropout("attention_dropout");
        return new DecoderConfig(
                size,
                DecoderConfig.Style.gemma(RmsNorm.Scale.LEARNED_AROUND_ONE, keys.gemmaActivation(), softcap),
                layers);
    }
}
