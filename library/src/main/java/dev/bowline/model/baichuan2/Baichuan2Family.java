package dev.bowline.model.baichuan2;

import dev.bowline.LocatedException;
import dev.bowline.model.Architecture;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.AttentionConfig.Projections;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Head;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Rope;
import dev.bowline.nn.RopeScaling;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// The Baichuan class, with the defaults of the `BaichuanConfig` that is published with Baichuan 2 7B. The
/// hub's files come with code of their own, which is never run.
public final class Baichuan2Family {

    /// The head divides its rows by their length and the lookup does not, so one value cannot be both.
    private static final Architecture CAUSAL_LM = Architecture.of(
                    "BaichuanForCausalLM", "baichuan", TieFlag.ClassDefault.UNTIED, Baichuan2Family::read)
            .with(TieSupport.UNTIED_ONLY)
            .with(new Architecture.Unread.Refused());

    public static final List<Architecture> ARCHITECTURES = List.of(CAUSAL_LM);

    private Baichuan2Family() {}

    private static DecoderConfig read(ConfigReader keys) {
        if (!keys.has("max_position_embeddings")) {
            throw new LocatedException(
                    keys.source(),
                    "%s: without max_position_embeddings this is the 13B model, whose ALiBi attention is not built"
                            .formatted(keys.source()),
                    "use Baichuan 2 7B");
        }
        DecoderConfig.Size size = keys.size(125_696, 4096, 4096, 1e-6, OptionalLong.of(0));
        int count = keys.integer("num_attention_heads", 32);
        AttentionConfig.Heads heads = new AttentionConfig.Heads(count, count, size.hidden() / Math.max(1, count));
        AttentionConfig attention = AttentionConfig.of(heads, new Projections.Fused("W_pack"))
                .with(new Rope(10_000, heads.width(), new RopeScaling.None()));
        DecoderConfig.Style style = new DecoderConfig.Style(
                RmsNorm.Scale.LEARNED_AFTER_ROUNDING,
                DecoderConfig.Block.NORM_BEFORE,
                keys.activation("hidden_act", Activation.SILU),
                DecoderConfig.Embedding.AS_STORED,
                DecoderConfig.Rotation.FLOAT32,
                Head.Rows.NORMALIZED,
                OptionalDouble.empty());
        return DecoderConfig.uniform(size, style, keys.layers(32), attention, keys.gated(11_008, Linear.Bias.NONE));
    }
}
