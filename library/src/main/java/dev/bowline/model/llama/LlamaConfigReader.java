package dev.bowline.model.llama;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.RopeReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.AttentionConfig.Projections;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Activation;
import java.util.Collections;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// Reads a Llama config.json: defaults as transformers' `LlamaConfig`.
final class LlamaConfigReader {

    private LlamaConfigReader() {}

    static DecoderConfig read(JsonObject config, ConfigFindings findings) {
        ConfigReader keys = new ConfigReader(config, findings);
        DecoderConfig.Size size = new DecoderConfig.Size(
                keys.integer("vocab_size", 32_000),
                keys.integer("hidden_size", 4096),
                keys.integer("max_position_embeddings", 2048),
                keys.number("rms_norm_eps", 1e-6),
                keys.number("initializer_range", 0.02),
                keys.paddingId(OptionalLong.empty()));
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.empty(), OptionalInt.empty(), size.hidden());
        AttentionConfig attention = AttentionConfig.of(
                        heads, new Projections.Separate(keys.bias("attention_bias"), keys.bias("attention_bias")))
                .with(keys.rope(new RopeReader.Defaults(10_000, heads.width(), size.maxPositions())));
        FeedForwardConfig feedForward =
                new FeedForwardConfig.Gated(keys.integer("intermediate_size", 11_008), keys.bias("mlp_bias"));
        DecoderConfig.Style style = DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU));
        int layers = keys.layers(32);
        keys.dropout("attention_dropout");
        keys.settleWhatWasNotRead(LlamaArchitecture.CAUSAL_LM.architectureName());
        return new DecoderConfig(size, style, Collections.nCopies(layers, new LayerConfig(attention, feedForward)));
    }
}
