package dev.bowline.model.smollm3;

import dev.bowline.BowlineException;
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
import dev.bowline.nn.Rope;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// Reads a SmolLM3 config.json: defaults as transformers' `SmolLM3Config`.
final class SmolLm3ConfigReader {

    private SmolLm3ConfigReader() {}

    static DecoderConfig read(JsonObject config, ConfigFindings findings) {
        ConfigReader keys = new ConfigReader(config, findings);
        DecoderConfig.Size size = new DecoderConfig.Size(
                keys.integer("vocab_size", 128_256),
                keys.integer("hidden_size", 2048),
                keys.integer("max_position_embeddings", 32_768),
                keys.number("rms_norm_eps", 1e-6),
                keys.number("initializer_range", 0.02),
                keys.paddingId(OptionalLong.of(128_004)));
        AttentionConfig.Heads heads = keys.heads(16, OptionalInt.of(4), OptionalInt.empty(), size.hidden());
        Linear.Bias bias = keys.bias("attention_bias");
        AttentionConfig still = AttentionConfig.of(heads, new AttentionConfig.Projections.Separate(bias, bias));
        Rope rope = keys.rope(new RopeReader.Defaults(2_000_000, heads.width(), size.maxPositions()));
        FeedForwardConfig feedForward =
                new FeedForwardConfig.Gated(keys.integer("intermediate_size", 11_008), keys.bias("mlp_bias"));
        int count = keys.layers(36);
        List<Boolean> rotated = rotated(keys, count);
        List<OptionalInt> windows = windows(keys, count, rotated);
        List<LayerConfig> layers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            AttentionConfig attention = rotated.get(i) ? still.with(rope) : still;
            layers.add(new LayerConfig(attention.within(windows.get(i)), feedForward));
        }
        DecoderConfig.Style style = DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU));
        keys.dropout("attention_dropout");
        keys.settleWhatWasNotRead(SmolLm3Architecture.CAUSAL_LM.architectureName());
        return new DecoderConfig(size, style, layers);
    }

    /// `no_rope_layers` has 1 for a layer that rotates and 0 for one that does not.
    private static List<Boolean> rotated(ConfigReader keys, int count) {
        int interval = keys.every("no_rope_layer_interval", 4);
        List<Integer> written = keys.integers("no_rope_layers").orElseGet(() -> {
            List<Integer> usual = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                usual.add((i + 1) % interval == 0 ? 0 : 1);
            }
            return usual;
        });
        if (written.size() != count) {
            throw new BowlineException(
                    "no_rope_layers has %d entries, num_hidden_layers is %d".formatted(written.size(), count),
                    "use the checkpoint's original config.json");
        }
        return written.stream().map(rotates -> rotates != 0).toList();
    }

    /// Layers without rotation slide where `use_sliding_window` is set and `layer_types` does not say.
    private static List<OptionalInt> windows(ConfigReader keys, int count, List<Boolean> rotated) {
        OptionalInt written = keys.nullable("sliding_window", OptionalInt.empty());
        OptionalInt window = keys.flag("use_sliding_window") ? written : OptionalInt.empty();
        return keys.windows(count, layer -> !rotated.get(layer), window);
    }
}
