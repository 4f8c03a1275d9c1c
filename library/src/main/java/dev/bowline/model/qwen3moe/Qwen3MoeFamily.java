package dev.bowline.model.qwen3moe;

import dev.bowline.model.Architecture;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Linear;
import dev.bowline.statedict.WeightRule;
import dev.bowline.ties.TieFlag;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// The Qwen3-MoE class, with the defaults of transformers' `Qwen3MoeConfig`. Published with a separate head; a
/// tied one is tested against transformers.
public final class Qwen3MoeFamily {

    private static final String EXPERTS = "model.layers.{}.mlp.experts.";

    /// Files have a tensor per expert; the model has one for all, with gate above up.
    private static final List<WeightRule> STACKED = List.of(
            new WeightRule.Stack(
                    List.of(EXPERTS + "{}.gate_proj.weight", EXPERTS + "{}.up_proj.weight"), EXPERTS + "gate_up_proj"),
            new WeightRule.Stack(List.of(EXPERTS + "{}.down_proj.weight"), EXPERTS + "down_proj"));

    private static final Architecture CAUSAL_LM = Architecture.of(
                    "Qwen3MoeForCausalLM", "qwen3_moe", TieFlag.ClassDefault.UNTIED, Qwen3MoeFamily::read)
            .refusing("output_router_logits")
            .with(STACKED);

    public static final List<Architecture> ARCHITECTURES = List.of(CAUSAL_LM);

    private Qwen3MoeFamily() {}

    private static DecoderConfig read(ConfigReader keys) {
        DecoderConfig.Size size = keys.size(151_936, 2048, 32_768, 1e-6, OptionalLong.empty());
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.of(4), OptionalInt.empty(), size.hidden());
        AttentionConfig attention = AttentionConfig.of(heads, keys.bias("attention_bias"))
                .with(AttentionConfig.HeadNorms.QUERIES_AND_KEYS)
                .with(keys.rope(10_000, heads, size))
                .within(keys.windowIfUsed(OptionalInt.of(4096)));
        FeedForwardConfig dense = keys.gated(6144, Linear.Bias.NONE);
        int experts = keys.optionalInteger("num_local_experts").orElse(keys.integer("num_experts", 128));
        int every = keys.every("decoder_sparse_step", 1);
        List<Integer> denseOnly = keys.integers("mlp_only_layers").orElse(List.of());
        int count = keys.layers(24);
        List<LayerConfig> layers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            boolean isSparse = experts > 0 && !denseOnly.contains(i) && (i + 1) % every == 0;
            layers.add(new LayerConfig(attention, isSparse ? experts(keys, experts) : dense));
        }
        keys.dropout("attention_dropout");
        return new DecoderConfig(
                size, DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU)), layers);
    }

    private static FeedForwardConfig.Experts experts(ConfigReader keys, int count) {
        return new FeedForwardConfig.Experts(
                count,
                keys.integer("num_experts_per_tok", 8),
                keys.integer("moe_intermediate_size", 768),
                keys.flag("norm_topk_prob")
                        ? FeedForwardConfig.RoutingWeights.NORMALIZED
                        : FeedForwardConfig.RoutingWeights.AS_CHOSEN);
    }
}
