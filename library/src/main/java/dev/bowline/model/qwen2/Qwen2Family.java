package dev.bowline.model.qwen2;

import dev.bowline.model.Architecture;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.AttentionConfig.Projections;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Linear;
import dev.bowline.ties.TieFlag;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// The Qwen2 class, with the defaults of transformers' `Qwen2Config`. Small models are published tied, large
/// ones are not.
public final class Qwen2Family {

    private static final Architecture CAUSAL_LM =
            Architecture.of("Qwen2ForCausalLM", "qwen2", TieFlag.ClassDefault.UNTIED, Qwen2Family::read);

    public static final List<Architecture> ARCHITECTURES = List.of(CAUSAL_LM);

    private Qwen2Family() {}

    private static DecoderConfig read(ConfigReader keys) {
        DecoderConfig.Size size = keys.size(151_936, 4096, 32_768, 1e-6, OptionalLong.empty());
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.of(32), OptionalInt.empty(), size.hidden());
        Projections biased = new Projections.Separate(Linear.Bias.PRESENT, Linear.Bias.NONE);
        keys.dropout("attention_dropout");
        return DecoderConfig.windowed(
                size,
                DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU)),
                keys.windowsOfLastLayers(keys.layers(32)),
                AttentionConfig.of(heads, biased).with(keys.rope(10_000, heads, size)),
                keys.gated(22_016, Linear.Bias.NONE));
    }
}
