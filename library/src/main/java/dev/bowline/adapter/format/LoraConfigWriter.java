package dev.bowline.adapter.format;

import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.adapter.format.LoraConfig.Scaling;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Writes `adapter_config.json` with the keys that PEFT 0.21 writes, in PEFT's order.
final class LoraConfigWriter {

    /// The version of PEFT whose layout of tensors the file has.
    static final String PEFT_VERSION = "0.21.0";

    private static final List<String> UNUSED = List.of(
            "alora_invocation_tokens",
            "arrow_config",
            "auto_mapping",
            "corda_config",
            "eva_config",
            "kasa_config",
            "layer_replication",
            "layers_pattern",
            "layers_to_transform",
            "lora_ga_config",
            "megatron_config",
            "monteclora_config",
            "revision",
            "use_bdlora",
            "velora_config");

    private LoraConfigWriter() {}

    /// @param base the base model's name on the hub, or its directory
    static JsonObject write(LoraConfig config, String base) {
        Map<String, JsonValue> keys = new TreeMap<>();
        UNUSED.forEach(key -> keys.put(key, JsonValue.absent()));
        List.of("fan_in_fan_out", "lora_bias", "use_qalora").forEach(key -> keys.put(key, JsonValue.of(false)));
        keys.put("base_model_name_or_path", JsonValue.of(base));
        keys.put("bias", JsonValue.of("none"));
        keys.put("inference_mode", JsonValue.of(true));
        keys.put("loftq_config", JsonObject.of());
        keys.put("megatron_core", JsonValue.of("megatron.core"));
        keys.put("peft_type", JsonValue.of("LORA"));
        keys.put("peft_version", JsonValue.of(PEFT_VERSION));
        keys.put("qalora_group_size", JsonValue.of(16));
        keys.put("task_type", JsonValue.of("CAUSAL_LM"));

        keys.put("r", JsonValue.of(config.r()));
        keys.put("lora_alpha", number(config.loraAlpha()));
        keys.put("lora_dropout", JsonValue.of(config.loraDropout()));
        keys.put("use_rslora", JsonValue.of(config.scaling() == Scaling.RSLORA));
        keys.put("use_dora", JsonValue.of(config.variant() == Variant.DORA));
        keys.put(
                "init_lora_weights",
                config.loraAInit() == LoraAInit.GAUSSIAN ? JsonValue.of("gaussian") : JsonValue.of(true));
        keys.put("target_modules", targets(config));
        keys.put("exclude_modules", modules(config.excludeModules()));
        keys.put("target_parameters", names(config.targetParameters()));
        keys.put("modules_to_save", names(config.modulesToSave()));
        keys.put("rank_pattern", ranks(config));
        keys.put("alpha_pattern", alphas(config));
        keys.put("trainable_token_indices", tokens(config));
        keys.put("ensure_weight_tying", JsonValue.of(config.tieMode() == TieMode.SHARED));
        return JsonObject.of(keys);
    }

    /// An empty list, and not null: PEFT takes null for the default modules of the base's class.
    private static JsonValue targets(LoraConfig config) {
        return config.targetModules().equals(ModulePatterns.NONE)
                ? JsonValue.of(List.of())
                : modules(config.targetModules());
    }

    private static JsonValue modules(ModulePatterns patterns) {
        return switch (patterns) {
            case ModulePatterns.AllLinear _ -> JsonValue.of("all-linear");
            case ModulePatterns.Regex(String regex) -> JsonValue.of(regex);
            case ModulePatterns.Named(List<String> names)
            when names.stream().anyMatch(name -> name.contains("*")) ->
                throw new IllegalArgumentException(
                        "%s: PEFT knows no wildcards; write the names of the modules".formatted(names));
            case ModulePatterns.Named(List<String> names) -> names(names);
        };
    }

    private static JsonValue names(List<String> names) {
        return names.isEmpty() ? JsonValue.absent() : JsonArray.ofStrings(names);
    }

    private static JsonValue ranks(LoraConfig config) {
        JsonObject patterns = JsonObject.of();
        for (Map.Entry<String, Long> entry : config.rankPattern().entrySet()) {
            patterns = patterns.with(entry.getKey(), entry.getValue());
        }
        return patterns;
    }

    private static JsonValue alphas(LoraConfig config) {
        JsonObject patterns = JsonObject.of();
        for (Map.Entry<String, Double> entry : config.alphaPattern().entrySet()) {
            patterns = patterns.with(entry.getKey(), number(entry.getValue()));
        }
        return patterns;
    }

    private static JsonValue tokens(LoraConfig config) {
        if (config.trainableTokenIndices().isEmpty()) {
            return JsonValue.absent();
        }
        JsonObject tokens = JsonObject.of();
        for (Map.Entry<String, List<Long>> entry :
                config.trainableTokenIndices().entrySet()) {
            tokens = tokens.with(entry.getKey(), JsonArray.ofLongs(entry.getValue()));
        }
        return tokens;
    }

    /// A whole number without a point: readers of `lora_alpha` take an unsigned integer.
    private static JsonValue number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1L << 53
                ? JsonValue.of((long) value)
                : JsonValue.of(value);
    }
}
