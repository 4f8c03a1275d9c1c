package dev.bowline.model.gemma3;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.RopeReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Head;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Rope;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// Reads the text config of a Gemma 3 checkpoint: defaults as transformers' `Gemma3TextConfig`.
///
/// Older files give the full layers' rotation as `rope_theta` and `rope_scaling`, the windowed layers' as
/// `rope_local_base_freq`, and the pattern of layers as `sliding_window_pattern`.
final class Gemma3ConfigReader {

    private Gemma3ConfigReader() {}

    /// The text half of a vision-language model.
    static DecoderConfig text(JsonObject config, Gemma3Architecture architecture, ConfigFindings findings) {
        new ConfigReader(config, findings)
                .settleWhatWasNotRead(
                        architecture.architectureName(), "use_bidirectional_attention", "partial_rotary_factor");
        return read(config.optionalObject("text_config").orElseGet(JsonObject::of), architecture, findings);
    }

    static DecoderConfig read(JsonObject text, Gemma3Architecture architecture, ConfigFindings findings) {
        ConfigReader keys = new ConfigReader(text, findings);
        DecoderConfig.Size size = new DecoderConfig.Size(
                keys.integer("vocab_size", 262_208),
                keys.integer("hidden_size", 2304),
                keys.integer("max_position_embeddings", 131_072),
                keys.number("rms_norm_eps", 1e-6),
                keys.number("initializer_range", 0.02),
                keys.paddingId(OptionalLong.of(0)));
        List<LayerConfig> layers = layers(keys, size);
        DecoderConfig.Style style = new DecoderConfig.Style(
                RmsNorm.Scale.LEARNED_AROUND_ONE,
                DecoderConfig.Block.NORM_BEFORE_AND_AFTER,
                activation(keys),
                DecoderConfig.Embedding.TIMES_ROOT_OF_WIDTH,
                DecoderConfig.Rotation.AS_MODEL,
                Head.Rows.AS_STORED,
                softcap(keys, architecture));
        keys.dropout("attention_dropout");
        keys.settleWhatWasNotRead(
                architecture.architectureName(), "use_bidirectional_attention", "partial_rotary_factor");
        return new DecoderConfig(size, style, layers);
    }

    private static List<LayerConfig> layers(ConfigReader keys, DecoderConfig.Size size) {
        AttentionConfig.Heads heads = keys.heads(8, OptionalInt.of(4), OptionalInt.of(256), size.hidden());
        Linear.Bias bias = keys.bias("attention_bias");
        AttentionConfig attention = AttentionConfig.of(heads, new AttentionConfig.Projections.Separate(bias, bias))
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
        FeedForwardConfig feedForward =
                new FeedForwardConfig.Gated(keys.integer("intermediate_size", 9216), Linear.Bias.NONE);
        int pattern = keys.every("sliding_window_pattern", 6);
        return keys
                .windows(
                        keys.layers(26),
                        layer -> (layer + 1) % pattern != 0,
                        keys.nullable("sliding_window", OptionalInt.of(4096)))
                .stream()
                .map(window -> new LayerConfig(
                        attention.with(window.isPresent() ? local : full).within(window), feedForward))
                .toList();
    }

    /// Transformers caps the logits of the text class only; for the other a cap is not read, and refused.
    private static OptionalDouble softcap(ConfigReader keys, Gemma3Architecture architecture) {
        return switch (architecture) {
            case CAUSAL_LM -> keys.nullable("final_logit_softcapping", OptionalDouble.empty());
            case CONDITIONAL_GENERATION -> OptionalDouble.empty();
        };
    }

    /// Where a file spells it twice, transformers reads `hidden_activation`.
    private static Activation activation(ConfigReader keys) {
        Activation activation = keys.activation("hidden_activation", Activation.GELU_TANH);
        keys.activation("hidden_act", activation);
        return activation;
    }
}
