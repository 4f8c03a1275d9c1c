package dev.bowline.model.baichuan2;

import dev.bowline.LocatedException;
import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.AttentionConfig.Projections;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Head;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Rope;
import dev.bowline.nn.RopeScaling;
import java.util.Collections;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// Reads a Baichuan 2 7B config.json: defaults as the `BaichuanConfig` that is published with it.
final class Baichuan2ConfigReader {

    private Baichuan2ConfigReader() {}

    static DecoderConfig read(JsonObject config, ConfigFindings findings) {
        if (!config.has("max_position_embeddings")) {
            throw new LocatedException(
                    config.location().source(),
                    "%s: without max_position_embeddings this is the 13B model, whose ALiBi attention is not built"
                            .formatted(config.location().source()),
                    "use Baichuan 2 7B");
        }
        ConfigReader keys = new ConfigReader(config, findings);
        DecoderConfig.Size size = new DecoderConfig.Size(
                keys.integer("vocab_size", 125_696),
                keys.integer("hidden_size", 4096),
                keys.integer("max_position_embeddings", 4096),
                keys.number("rms_norm_eps", 1e-6),
                keys.number("initializer_range", 0.02),
                keys.paddingId(OptionalLong.of(0)));
        int heads = keys.integer("num_attention_heads", 32);
        int width = size.hidden() / Math.max(1, heads);
        AttentionConfig attention = AttentionConfig.of(
                        new AttentionConfig.Heads(heads, heads, width), new Projections.Fused("W_pack"))
                .with(new Rope(10_000, width, new RopeScaling.None()));
        FeedForwardConfig feedForward =
                new FeedForwardConfig.Gated(keys.integer("intermediate_size", 11_008), Linear.Bias.NONE);
        DecoderConfig.Style style = new DecoderConfig.Style(
                RmsNorm.Scale.LEARNED_AFTER_ROUNDING,
                DecoderConfig.Block.NORM_BEFORE,
                keys.activation("hidden_act", Activation.SILU),
                DecoderConfig.Embedding.AS_STORED,
                DecoderConfig.Rotation.FLOAT32,
                Head.Rows.NORMALIZED,
                OptionalDouble.empty());
        int layers = keys.layers(32);
        keys.refuseWhatWasNotRead(Baichuan2Architecture.CAUSAL_LM.architectureName());
        return new DecoderConfig(size, style, Collections.nCopies(layers, new LayerConfig(attention, feedForward)));
    }
}
