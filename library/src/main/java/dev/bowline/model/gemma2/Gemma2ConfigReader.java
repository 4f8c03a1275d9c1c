package dev.bowline.model.gemma2;

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
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// Reads a Gemma 2 config.json: defaults as transformers' `Gemma2Config`.
final class Gemma2ConfigReader {

    private Gemma2ConfigReader() {}

    static DecoderConfig read(JsonObject config, ConfigFindings findings) {
        ConfigReader keys = new ConfigReader(config, findings);
        DecoderConfig.Size size = new DecoderConfig.Size(
                keys.integer("vocab_size", 256_000),
                keys.integer("hidden_size", 2304),
                keys.integer("max_position_embeddings", 8192),
                keys.number("rms_norm_eps", 1e-6),
                keys.number("initializer_range", 0.02),
                keys.paddingId(OptionalLong.of(0)));
        AttentionConfig.Heads heads = keys.heads(8, OptionalInt.of(4), OptionalInt.of(256), size.hidden());
        Linear.Bias bias = keys.bias("attention_bias");
        AttentionConfig attention = AttentionConfig.of(heads, new AttentionConfig.Projections.Separate(bias, bias))
                .with(keys.rope(new RopeReader.Defaults(10_000, heads.width(), size.maxPositions())))
                .scored(
                        Math.pow(keys.number("query_pre_attn_scalar", 256), -0.5),
                        keys.nullable("attn_logit_softcapping", OptionalDouble.of(50)));
        FeedForwardConfig feedForward =
                new FeedForwardConfig.Gated(keys.integer("intermediate_size", 9216), Linear.Bias.NONE);
        List<LayerConfig> layers = keys
                .windows(
                        keys.layers(26),
                        layer -> (layer + 1) % 2 != 0,
                        keys.nullable("sliding_window", OptionalInt.of(4096)))
                .stream()
                .map(window -> new LayerConfig(attention.within(window), feedForward))
                .toList();
        DecoderConfig.Style style = new DecoderConfig.Style(
                RmsNorm.Scale.LEARNED_AROUND_ONE,
                DecoderConfig.Block.NORM_BEFORE_AND_AFTER,
                activation(keys),
                DecoderConfig.Embedding.TIMES_ROOT_OF_WIDTH,
                DecoderConfig.Rotation.AS_MODEL,
                Head.Rows.AS_STORED,
                keys.nullable("final_logit_softcapping", OptionalDouble.of(30)));
        keys.dropout("attention_dropout");
        keys.settleWhatWasNotRead(Gemma2Architecture.CAUSAL_LM.architectureName(), "use_bidirectional_attention");
        return new DecoderConfig(size, style, layers);
    }

    /// Published files spell it twice; transformers reads `hidden_activation`.
    private static Activation activation(ConfigReader keys) {
        Activation activation = keys.activation("hidden_activation", Activation.GELU_TANH);
        keys.activation("hidden_act", activation);
        return activation;
    }
}
