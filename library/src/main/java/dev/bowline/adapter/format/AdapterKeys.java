package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The keys of `adapter_config.json` that PEFT 0.21 writes for LoRA: those that Bowline carries out, those
/// without an effect on a trained adapter, and those with an effect that Bowline lacks.
final class AdapterKeys {

    private static final String TYPE = "peft_type";
    private static final String INIT = "init_lora_weights";

    private static final Set<String> CARRIED_OUT = Set.of(
            TYPE,
            INIT,
            "r",
            "lora_alpha",
            "lora_dropout",
            "target_modules",
            "exclude_modules",
            "target_parameters",
            "modules_to_save",
            "rank_pattern",
            "alpha_pattern",
            "use_rslora",
            "use_dora",
            "trainable_token_indices",
            "ensure_weight_tying",
            "layers_to_transform",
            "layers_pattern");

    /// Notes, and settings of training methods that leave a plain adapter.
    private static final Set<String> WITHOUT_EFFECT = Set.of(
            "auto_mapping",
            "base_model_name_or_path",
            "corda_config",
            "eva_config",
            "inference_mode",
            "lora_ga_config",
            "megatron_core",
            "peft_version",
            "qalora_group_size",
            "revision",
            "runtime_config",
            "task_type",
            "velora_config");

    /// Values of `init_lora_weights` with which PEFT changes the base's weights before it adds the adapter.
    private static final List<String> CHANGES_BASE = List.of("pissa", "olora", "corda", "loftq", "lora_ga");

    private static final Map<String, String> REFUSED = refused();

    private AdapterKeys() {}

    private static Map<String, String> refused() {
        Map<String, String> refused = new LinkedHashMap<>();
        refused.put("alora_invocation_tokens", "the adapter is active only after certain tokens (aLoRA)");
        refused.put("arrow_config", "a router mixes several adapters (Arrow)");
        refused.put("bias", "the biases of the base are trained too");
        refused.put("fan_in_fan_out", "the base's weights are stored as [in, out]");
        refused.put("kasa_config", "the delta has singular values of its own (KaSA)");
        refused.put("layer_replication", "layers of the base are repeated");
        refused.put("loftq_config", "the base's weights are replaced by quantised ones (LoftQ)");
        refused.put("lora_bias", "lora_B has a bias");
        refused.put("megatron_config", "the base's linears are Megatron's");
        refused.put("monteclora_config", "the values are drawn from a distribution (MonteCLoRA)");
        refused.put("use_bdlora", "the matrices are block-diagonal (BD-LoRA)");
        refused.put("use_qalora", "the input is pooled in groups (QA-LoRA)");
        return refused;
    }

    /// @throws BowlineException for the first key that is refused
    static void requireCarriedOut(JsonObject json) {
        JsonValue type = json.require(TYPE);
        if (!type.asString().equals("LORA")) {
            throw LoraConfigReader.refused(
                    type,
                    "is \"%s\"; Bowline reads adapters of the type LORA".formatted(type.asString()),
                    "merge the adapter with PEFT's merge_and_unload and use the merged model");
        }
        for (Map.Entry<String, JsonValue> entry : json.fields().entrySet()) {
            String key = entry.getKey();
            if (isNeutral(key, entry.getValue()) || CARRIED_OUT.contains(key) || WITHOUT_EFFECT.contains(key)) {
                continue;
            }
            throw LoraConfigReader.refused(
                    entry.getValue(),
                    Optional.ofNullable(REFUSED.get(key))
                            .map(effect -> "has an effect that Bowline does not carry out: " + effect)
                            .orElse("is no key that Bowline knows%s, and its effect is not known"
                                    .formatted(NearestNames.hint(key, CARRIED_OUT))),
                    REFUSED.containsKey(key)
                            ? "merge the adapter with PEFT's merge_and_unload and use the merged model"
                            : "correct the key; a key without an effect on the adapter can be deleted");
        }
        json.get(INIT).ifPresent(AdapterKeys::requireUnchangedBase);
    }

    private static void requireUnchangedBase(JsonValue init) {
        if (init instanceof JsonString text
                && CHANGES_BASE.stream().anyMatch(text.value().toLowerCase(Locale.ROOT)::startsWith)) {
            throw LoraConfigReader.refused(
                    init,
                    "is \"%s\", with which PEFT changes the base's weights before it adds the adapter"
                            .formatted(text.value()),
                    "save the adapter with PEFT's path_initial_model_for_weight_conversion, which makes it a plain LoRA");
        }
    }

    private static boolean isNeutral(String key, JsonValue value) {
        return switch (value) {
            case JsonNull _ -> true;
            case JsonBoolean flag -> !flag.value();
            case JsonArray array -> array.size() == 0;
            case JsonObject object -> object.fields().isEmpty();
            case JsonString text ->
                text.value().isEmpty() || key.equals("bias") && text.value().equals("none");
            case JsonNumber _ -> false;
        };
    }
}
