package dev.bowline.model.qwen3moe;

import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.RopeReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.FeedForwardConfig.Shares;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Linear;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// Reads a Qwen3-MoE config.json: defaults as transformers' `Qwen3MoeConfig`.
final class Qwen3MoeConfigReader {

    private Qwen3MoeConfigReader() {}

    static DecoderConfig read(JsonObject config, ConfigFindings findings) {
        ConfigReader keys = new ConfigReader(config, findings);
        DecoderConfig.Size size = new DecoderConfig.Size(
                keys.integer("vocab_size", 151_936),
                keys.integer("hidden_size", 2048),
                keys.integer("max_position_embeddings", 32_768),
                keys.number("rms_norm_eps", 1e-6),
                keys.number("initializer_range", 0.02),
                keys.paddingId(OptionalLong.empty()));
        AttentionConfig attention = attention(keys, size);
        FeedForwardConfig dense =
                new FeedForwardConfig.Gated(keys.integer("intermediate_size", 6144), Linear.Bias.NONE);
        int experts = keys.optionalInteger("num_local_experts").orElse(keys.integer("num_experts", 128));
        int every = keys.every("decoder_sparse_step", 1);
        List<Integer> denseOnly = keys.integers("mlp_only_layers").orElse(List.of());
        List<LayerConfig> layers = new ArrayList<>();
        for (int i = 0; i < keys.layers(24); i++) {
            boolean sparse = experts > 0 && !denseOnly.contains(i) && (i + 1) % every == 0;
            layers.add(new LayerConfig(attention, sparse ? experts(keys, experts) : dense));
        }
        DecoderConfig.Style style = DecoderConfig.Style.plain(keys.activation("hidden_act", Activation.SILU));
        keys.dropout("attention_dropout");
        keys.settleWhatWasNotRead(Qwen3MoeArchitecture.CAUSAL_LM.architectureName(), "output_router_logits");
        return new DecoderConfig(size, style, layers);
    }

    private static AttentionConfig attention(ConfigReader keys, DecoderConfig.Size size) {
        AttentionConfig.Heads heads = keys.heads(32, OptionalInt.of(4), OptionalInt.empty(), size.hidden());
        Linear.Bias bias = keys.bias("attention_bias");
        OptionalInt written = keys.nullable("sliding_window", OptionalInt.of(4096));
        return AttentionConfig.of(heads, new AttentionConfig.Projections.Separate(bias, bias))
                .with(AttentionConfig.HeadNorms.QUERIES_AND_KEYS)
                .with(keys.rope(new RopeReader.Defaults(10_000, heads.width(), size.maxPositions())))
                .within(keys.flag("use_sliding_window") ? written : OptionalInt.empty());
    }

    private static FeedForwardConfig.Experts experts(ConfigReader keys, int count) {
        return new FeedForwardConfig.Experts(
                count,
                keys.integer("num_experts_per_tok", 8),
                keys.integer("moe_intermediate_size", 768),
                keys.flag("norm_topk_prob") ? Shares.NORMALISED : Shares.AS_CHOSEN);
    }
}
