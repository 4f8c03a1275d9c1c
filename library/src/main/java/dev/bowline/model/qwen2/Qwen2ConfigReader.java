package dev.bowline.model.qwen2;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.RopeReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Linear;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// Reads a Qwen2 config.json: defaults as transformers' `Qwen2Config`.
final class Qwen2ConfigReader {

    private Qwen2ConfigReader() {}

    static DecoderConfig read(JsonObject config, ConfigFindings findings) {
        ConfigReader keys = new ConfigReader(config, findings);
        DecoderConfig.Size size = new DecoderConfig.Size(
                keys.integer("vocab_size", 151_936),
                keys.integer("hidden_size", 4096),
                keys.integer("max_position_embeddings", 32_768),
                keys.number("rms_norm_eps", 1e-6),
                keys.number("initializer_range", 0.02),
                keys.paddingId(OptionalLong.empty()));
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.of(32), OptionalInt.empty(), size.hidden());
        AttentionConfig attention = AttentionConfig.of(
                        heads, new AttentionConfig.Projections.Separate(Linear.Bias.PRESENT, Linear.Bias.NONE))
                .with(keys.rope(new RopeReader.Defaults(10_000, heads.width(), size.maxPositions())));
        FeedForwardConfig feedForward =
                new FeedForwardConfig.Gated(keys.integer("intermediate_size", 22_016), Linear.Bias.NONE);
        List<LayerConfig> layers = windows(keys).stream()
                .map(window -> new LayerConfig(attention.within(window), feedForward))
                .toList();
        DecoderConfig.Style style = DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU));
        keys.dropout("attention_dropout");
        keys.settleWhatWasNotRead(Qwen2Architecture.CAUSAL_LM.architectureName());
        return new DecoderConfig(size, style, layers);
    }

    /// Layers from `max_window_layers` on slide where `use_sliding_window` is set and `layer_types` does not say.
    private static List<OptionalInt> windows(ConfigReader keys) {
        OptionalInt written = keys.nullable("sliding_window", OptionalInt.of(4096));
        OptionalInt window = keys.flag("use_sliding_window") ? written : OptionalInt.empty();
        int firstSliding = keys.integer("max_window_layers", 28);
        return keys.windows(keys.layers(32), layer -> layer >= firstSliding, window);
    }
}
