package dev.bowline.model.gemma2;

import dev.bowline.model.Architecture;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.ties.TieFlag;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// The Gemma 2 class, with the defaults of transformers' `Gemma2Config`. Published tied; a separate head is
/// tested against transformers.
public final class Gemma2Family {

    private static final Architecture CAUSAL_LM = Architecture.of(
                    "Gemma2ForCausalLM", "gemma2", TieFlag.ClassDefault.TIED, Gemma2Family::read)
            .refusing("use_bidirectional_attention");

    public static final List<Architecture> ARCHITECTURES = List.of(CAUSAL_LM);

    private Gemma2Family() {}

    private static DecoderConfig read(ConfigReader keys) {
        DecoderConfig.Size size = keys.size(256_000, 2304, 8192, 1e-6, OptionalLong.of(0));
        AttentionConfig.Heads heads = keys.heads(8, OptionalInt.of(4), OptionalInt.of(256), size.hidden());
        AttentionConfig attention = AttentionConfig.of(heads, keys.bias("attention_bias"))
                .with(keys.rope(10_000, heads, size))
                .scored(
                        Math.pow(keys.number("query_pre_attn_scalar", 256), -0.5),
                        keys.nullable("attn_logit_softcapping", OptionalDouble.of(50)));
        FeedForwardConfig feedForward = keys.gated(9216, Linear.Bias.NONE);
        List<OptionalInt> windows = keys.windows(
                keys.layers(26), layer -> (layer + 1) % 2 != 0, keys.nullable("sliding_window", OptionalInt.of(4096)));
        DecoderConfig.Style style = DecoderConfig.Style.gemma(
                RmsNorm.Scale.LEARNED_AROUND_ONE,
                keys.gemmaActivation(),
                keys.nullable("final_logit_softcapping", OptionalDouble.of(30)));
        keys.dropout("attention_dropout");
        return DecoderConfig.windowed(size, style, windows, attention, feedForward);
    }
}
