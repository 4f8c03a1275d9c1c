package dev.bowline.model.llama;

import dev.bowline.model.Architecture;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.nn.Activation;
import dev.bowline.ties.TieFlag;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// The Llama class, with the defaults of transformers' `LlamaConfig`. Published with both heads.
public final class LlamaFamily {

    private static final Architecture CAUSAL_LM =
            Architecture.of("LlamaForCausalLM", "llama", TieFlag.ClassDefault.UNTIED, LlamaFamily::read);

    public static final List<Architecture> ARCHITECTURES = List.of(CAUSAL_LM);

    private LlamaFamily() {}

    private static DecoderConfig read(ConfigReader keys) {
        DecoderConfig.Size size = keys.size(32_000, 4096, 2048, 1e-6, OptionalLong.empty());
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.empty(), OptionalInt.empty(), size.hidden());
        keys.dropout("attention_dropout");
        return DecoderConfig.uniform(
                size,
                DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU)),
                keys.layers(32),
                AttentionConfig.of(heads, keys.bias("attention_bias")).with(keys.rope(10_000, heads, size)),
                keys.gated(11_008, keys.bias("mlp_bias")));
    }
}
