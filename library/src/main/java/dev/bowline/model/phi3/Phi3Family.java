package dev.bowline.model.phi3;

import dev.bowline.json.JsonValue;
import dev.bowline.model.Architecture;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.RopeReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.AttentionConfig.Projections;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.nn.Activation;
import dev.bowline.ties.TieFlag;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/// The Phi-3 class, with the defaults of transformers' `Phi3Config`. Phi-4-mini is published tied, Phi-3 is not.
public final class Phi3Family {

    private static final Architecture CAUSAL_LM =
            Architecture.of("Phi3ForCausalLM", "phi3", TieFlag.ClassDefault.UNTIED, Phi3Family::read);

    public static final List<Architecture> ARCHITECTURES = List.of(CAUSAL_LM);

    private Phi3Family() {}

    private static DecoderConfig read(ConfigReader keys) {
        // The class has a default of its own, which comes before a value inside the rotation.
        keys.assume("original_max_position_embeddings", JsonValue.of(4096));
        DecoderConfig.Size size = keys.size(32_064, 3072, 4096, 1e-5, OptionalLong.of(32_000));
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
        keys.dropout("attention_dropout");
        keys.dropout("resid_pdrop");
        return DecoderConfig.uniform(
                size,
                DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU)),
                keys.layers(32),
                attention,
                new FeedForwardConfig.FusedGated(keys.integer("intermediate_size", 8192)));
    }
}
