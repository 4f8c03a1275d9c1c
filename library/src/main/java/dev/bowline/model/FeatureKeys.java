package dev.bowline.model;

import dev.bowline.LocatedException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.quantization.BitsAndBytes;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/// The keys of config.json that change the computation of a decoder and not the names or shapes of its tensors,
/// with the values that change nothing. A key that changes tensors needs no entry: the load explains every
/// tensor.
final class FeatureKeys {

    private static final Set<String> OFF = Set.of("false", "0", "0.0", "[]", "{}");
    private static final Pattern ALL_FULL = Pattern.compile("\\[(\"full_attention\",?)*]");
    private static final Set<String> ONE = Set.of("1", "1.0", "true");

    /// The keys that transformers reads for a class of any family.
    private static final Set<String> OF_EVERY_CLASS = Set.of(
            "quantization_config",
            "compression_config",
            "per_layer_config",
            "layer_types",
            "num_kv_shared_layers",
            "rope_scaling",
            "rope_parameters",
            "is_causal");

    /// By key, the values that change nothing, as JSON. A null changes nothing.
    private static final Map<String, Set<String>> NEUTRAL = neutral();

    private FeatureKeys() {}

    private static Map<String, Set<String>> neutral() {
        Map<String, Set<String>> keys = new LinkedHashMap<>();
        for (String key : List.of(
                "quantization_config",
                "compression_config",
                "per_layer_config",
                "attention_dropout",
                "attention_probs_dropout_prob",
                "attn_pdrop",
                "activation_dropout",
                "dropout",
                "resid_pdrop",
                "resid_dropout",
                "residual_dropout",
                "embd_pdrop",
                "emb_pdrop",
                "embed_dropout",
                "embedding_dropout",
                "hidden_dropout",
                "hidden_dropout_prob",
                "mlp_dropout",
                "layerdrop",
                "use_sliding_window",
                "sliding_window",
                "attention_chunk_size",
                "attn_logit_softcapping",
                "final_logit_softcapping",
                "logits_soft_cap",
                "output_logit_soft_cap",
                "moe_router_logit_softcapping",
                "swiglu_limit",
                "router_jitter_noise",
                "input_jitter_noise",
                "output_router_logits",
                "clip_qkv",
                "alibi",
                "use_alibi",
                "layer_types",
                "no_rope_layers",
                "no_rope_layer_interval",
                "rope_scaling",
                "rope_parameters",
                "rope_interleave",
                "rope_interleaved",
                "use_mrope",
                "use_bidirectional_attention",
                "attn_temperature_tuning",
                "llama_4_scaling_beta",
                "num_nextn_predict_layers",
                "num_kv_shared_layers",
                "mup_enabled",
                "apply_residual_connection_post_layernorm",
                "z_loss_weight",
                "use_parallel_residual",
                "parallel_attn")) {
            keys.put(key, OFF);
        }
        for (String key : List.of(
                "partial_rotary_factor",
                "rope_pct",
                "rotary_pct",
                "embedding_multiplier",
                "residual_multiplier",
                "attention_multiplier",
                "logits_scaling",
                "logit_scale",
                "scale_emb",
                "scale_depth",
                "embedding_scale",
                "attention_in_multiplier",
                "attention_out_multiplier",
                "attention_value_scale",
                "key_multiplier",
                "lm_head_multiplier",
                "routed_scaling_factor",
                "full_attn_mod",
                "interpolate_factor",
                "is_causal")) {
            keys.put(key, ONE);
        }
        keys.put("scoring_func", Set.of("\"softmax\""));
        keys.put("rope_theta", Set.of("10000", "10000.0"));
        keys.put("hidden_act", Set.of("\"silu\""));
        keys.put("hidden_activation", Set.of());
        keys.put("original_max_position_embeddings", Set.of());
        keys.put("query_pre_attn_scalar", Set.of());
        return keys;
    }

    /// The features that a config turns on, in the order of the list above.
    static List<String> active(JsonObject text) {
        return NEUTRAL.keySet().stream()
                .filter(key -> text.get(key)
                        .filter(value -> !isNeutral(text, key, value))
                        .isPresent())
                .toList();
    }

    /// Refuses the first feature that a config turns on and that `built` does not have.
    ///
    /// @param architecture for the message
    static void refuse(JsonObject text, Set<String> built, String architecture) {
        active(text).stream()
                .filter(feature -> !built.contains(feature))
                .findFirst()
                .ifPresent(feature -> {
                    throw new LocatedException(
                            text.location().source(),
                            "%s: %s %s is not built for %s"
                                    .formatted(text.location().source(), feature, text.require(feature), architecture),
                            fix(feature));
                });
    }

    /// Refuses the first feature that a config turns on, that `built` does not have and that transformers
    /// reads; notes the features that neither reads.
    ///
    /// @param built the keys that the family reads
    /// @param used the further keys that transformers' class reads, in addition to those of every class
    /// @param architecture for the messages
    static void settle(
            JsonObject text, Set<String> built, Set<String> used, String architecture, ConfigFindings findings) {
        Set<String> ignored = new LinkedHashSet<>(active(text));
        ignored.removeAll(built);
        ignored.removeIf(key -> used.contains(key) || OF_EVERY_CLASS.contains(key));
        Set<String> settled = new HashSet<>(built);
        settled.addAll(ignored);
        refuse(text, settled, architecture);
        ignored.forEach(key -> findings.note(
                key,
                "%s %s of config.json is not used: %s does not read it"
                        .formatted(key, Json.compact(text.require(key)), architecture)));
    }

    private static boolean isNeutral(JsonObject text, String key, JsonValue value) {
        return value instanceof JsonNull
                || NEUTRAL.getOrDefault(key, Set.of()).contains(Json.compact(value))
                || key.equals("per_layer_config") && differsNowhere(text, value)
                || key.equals("layer_types")
                        && ALL_FULL.matcher(Json.compact(value)).matches()
                || key.equals("quantization_config")
                        && value instanceof JsonObject quantization
                        && BitsAndBytes.format(quantization).isPresent();
    }

    /// True if an override of one layer repeats the value of all layers.
    private static boolean differsNowhere(JsonObject text, JsonValue layers) {
        return layers instanceof JsonObject all
                && all.fields().values().stream()
                        .allMatch(layer -> layer instanceof JsonObject overrides
                                && overrides.fields().entrySet().stream()
                                        .allMatch(each -> text.get(each.getKey())
                                                .filter(each.getValue()::equals)
                                                .isPresent()));
    }

    private static String fix(String key) {
        if (key.equals("quantization_config") || key.equals("compression_config")) {
            return "use the unquantised checkpoint, or one that bitsandbytes quantised to nf4 or int8";
        }
        if (key.contains("drop")) {
            return "set %s to 0.0".formatted(key);
        }
        return "use a checkpoint without this key: Bowline would compute something else than in training";
    }
}
