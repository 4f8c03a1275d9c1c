package dev.bowline.model.phi3;

import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
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
import java.util.Set;

/// Reads a Phi-3 config.json: defaults as transformers' `Phi3Config`.
final class Phi3ConfigReader {

    private static final String ORIGINAL = "original_max_position_embeddings";

    private Phi3ConfigReader() {}

    static DecoderConfig read(JsonObject written, ConfigFindings findings) {
        // The class has a default of its own, which comes before a value inside the rotation.
        JsonObject config =
                written.optionalInt(ORIGINAL).isPresent() ? written : written.with(ORIGINAL, JsonValue.of(4096));
        ConfigReader keys = new ConfigReader(config, findings);
        DecoderConfig.Size size = new DecoderConfig.Size(
                keys.integer("vocab_size", 32_064),
                keys.integer("hidden_size", 3072),
                keys.integer("max_position_embeddings", 4096),
                keys.number("rms_norm_eps", 1e-5),
                keys.number("initializer_range", 0.02),
                keys.paddingId(OptionalLong.of(32_000)));
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.empty(), OptionalInt.empty(), size.hidden());
        RopeReader.Defaults rope = new RopeReader.Defaults(
                10_000,
                heads.width(),
                size.maxPositions(),
                Set.of("default", "longrope"),
                Set.of("partial_rotary_factor"));
        AttentionConfig attention = AttentionConfig.of(heads, new Projections.Fused("qkv_proj"))
                .with(keys.rope(rope))
                .within(keys.nullable("sliding_window", OptionalInt.empty()));
        FeedForwardConfig feedForward = new FeedForwardConfig.FusedGated(keys.integer("intermediate_size", 8192));
        DecoderConfig.Style style = DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU));
        int layers = keys.layers(32);
        keys.dropout("attention_dropout");
        keys.dropout("resid_pdrop");
        keys.settleWhatWasNotRead(Phi3Architecture.CAUSAL_LM.architectureName());
        return new DecoderConfig(size, style, Collections.nCopies(layers, new LayerConfig(attention, feedForward)));
    }
}
