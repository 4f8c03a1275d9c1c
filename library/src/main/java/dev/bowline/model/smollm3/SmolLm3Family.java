package dev.bowline.model.smollm3;

import dev.bowline.LocatedException;
import dev.bowline.model.Architecture;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Rope;
import dev.bowline.ties.TieFlag;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// The SmolLM3 class, with the defaults of transformers' `SmolLM3Config`. Published tied; a separate head is
/// tested against transformers.
public final class SmolLm3Family {

    private static final Architecture CAUSAL_LM =
            Architecture.of("SmolLM3ForCausalLM", "smollm3", TieFlag.ClassDefault.TIED, SmolLm3Family::read);

    public static final List<Architecture> ARCHITECTURES = List.of(CAUSAL_LM);

    private SmolLm3Family() {}

    private static DecoderConfig read(ConfigReader keys) {
        DecoderConfig.Size size = keys.size(128_256, 2048, 32_768, 1e-6, OptionalLong.of(128_004));
        AttentionConfig.Heads heads = keys.heads(16, OptionalInt.of(4), OptionalInt.empty(), size.hidden());
        AttentionConfig unrotated = AttentionConfig.of(heads, keys.bias("attention_bias"));
        Rope rope = keys.rope(2_000_000, heads, size);
        FeedForwardConfig feedForward = keys.gated(11_008, keys.bias("mlp_bias"));
        int count = keys.layers(36);
        List<Boolean> rotated = rotated(keys, count);
        // Layers without rotation slide where use_sliding_window is set and layer_types does not say.
        List<OptionalInt> windows =
                keys.windows(count, layer -> !rotated.get(layer), keys.windowIfUsed(OptionalInt.empty()));
        List<LayerConfig> layers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            AttentionConfig attention = rotated.get(i) ? unrotated.with(rope) : unrotated;
            layers.add(new LayerConfig(attention.within(windows.get(i)), feedForward));
        }
        keys.dropout("attention_dropout");
        return new DecoderConfig(
                size, DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU)), layers);
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
            throw new LocatedException(
                    keys.source(),
                    "%s: no_rope_layers has %d entries, num_hidden_layers is %d"
                            .formatted(keys.source(), written.size(), count),
                    "use the checkpoint's original config.json");
        }
        return written.stream().map(rotates -> rotates != 0).toList();
    }
}
