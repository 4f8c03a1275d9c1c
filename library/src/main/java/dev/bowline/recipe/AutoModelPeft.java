package dev.bowline.recipe;

import static dev.bowline.recipe.AutoModelKeys.in;

import dev.bowline.adapter.format.LoraConfig.DropoutPosition;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.recipe.AutoModelKeys.Ignored;
import dev.bowline.recipe.AutoModelKeys.OnlyWith;
import dev.bowline.recipe.AutoModelKeys.Refused;
import dev.bowline.recipe.AutoModelKeys.Rows;
import dev.bowline.recipe.AutoModelKeys.Target;
import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.YamlValue.Mapping;
import java.util.List;
import java.util.Optional;

/// The translation of AutoModel's `peft` section, and of the keys of PEFT's `LoraConfig` that are no keys of Bowline.
final class AutoModelPeft {

    private static final String PEFT = "peft";
    private static final String INITIAL = "initial values made from data or from the weights";

    private AutoModelPeft() {}

    static void addTo(Rows rows) {
        rows.put(new Target(), "peft._target_");
        rows.put(
                new Ignored("the kernels of an adapter are chosen by the shapes, and the results are the same"),
                in(PEFT, "use_triton use_memory_efficient_lora"));
        rows.put(new OnlyWith(List.of("lora"), "an adapter other than LoRA"), in(PEFT, "peft_scheme peft_type"));
        rows.put(new OnlyWith(List.of("causal_lm", "null"), "another task than a causal LM"), "peft.task_type");
        rows.put(new OnlyWith(List.of("null"), "a dtype of the adapter's own"), "peft.lora_dtype");
        rows.put(new OnlyWith(List.of("unquantized"), "experts in MXFP4"), "peft.expert_weight_format");
        rows.put(
                new Refused(
                        "a rank of experts divided by the experts of a token",
                        "write the rank of the experts with rank_pattern, such as {'experts\\..*': 2}"),
                "peft.moe_rank_scaling");
        rows.put(new OnlyWith(List.of("none"), "training of biases"), "peft.bias");
        rows.put(new OnlyWith(List.of("false"), "a bias of lora_B"), "peft.lora_bias");
        rows.put(new OnlyWith(List.of("false"), "weights that are stored transposed"), "peft.fan_in_fan_out");
        rows.put(new OnlyWith(List.of("false"), "an adapter that is not trained"), "peft.inference_mode");
        rows.put(new OnlyWith(List.of("false"), "QALoRA"), "peft.use_qalora");
        rows.put(new OnlyWith(List.of("false"), "block-diagonal LoRA"), "peft.use_bdlora");
        rows.put(
                new Refused("a choice of layers by number", "write a regular expression as target_modules"),
                in(PEFT, "layers_to_transform layers_pattern"));
        rows.put(new Refused("a model with repeated layers", "remove it"), "peft.layer_replication");
        rows.put(
                new Refused(INITIAL, "remove it"),
                in(PEFT, "loftq_config eva_config corda_config lora_ga_config arrow_config kasa_config"));
        rows.put(new Refused("an adapter that starts at certain tokens", "remove it"), "peft.alora_invocation_tokens");
    }

    /// The defaults of AutoModel's `PeftConfig`.
    static void defaults(AutoModelDefaults defaults) {
        defaults.put(PeftSection.DIM, Default.of(8L, "8"));
        defaults.put(PeftSection.ALPHA, Default.of(32.0, "32"));
        defaults.put(PeftSection.DROPOUT_POSITION, Default.of(DropoutPosition.POST, "post"));
        defaults.put(PeftSection.LORA_A_INIT, Default.of(LoraAInit.XAVIER, "xavier"));
        defaults.put(
                PeftSection.TARGET_MODULES,
                Default.from(
                        AutoModelPeft::targets, "*_proj; all-linear with match_all_linear or with exclude_modules"));
    }

    private static ModulePatterns targets(RecipeValues values) {
        boolean isAll = values.is(PeftSection.MATCH_ALL_LINEAR, true)
                || values.find(PeftSection.EXCLUDE_MODULES)
                        .filter(excluded -> !excluded.equals(ModulePatterns.NONE))
                        .isPresent();
        return isAll ? new ModulePatterns.AllLinear() : new ModulePatterns.Named(List.of("*_proj"));
    }

    /// Notes that the head, which AutoModel's choice of all linears has, is left out.
    static void noteHead(Mapping root, Diagnostics diagnostics) {
        for (String key : List.of("match_all_linear", "target_modules", "exclude_modules")) {
            Optional<YamlValue> value = root.find(List.of(PEFT, key));
            boolean isAll = value.isPresent()
                    && switch (key) {
                        case "match_all_linear" -> value.get().normalized().equals("true");
                        case "target_modules" ->
                            PeftSection.TARGET_MODULES.type().parse(value.get())
                                            instanceof KeyType.Valid<ModulePatterns>(ModulePatterns modules)
                                    && modules instanceof ModulePatterns.AllLinear;
                        default ->
                            root.find(List.of(PEFT, "target_modules")).isEmpty()
                                    && PeftSection.EXCLUDE_MODULES.type().parse(value.get())
                                            instanceof KeyType.Valid<ModulePatterns>(ModulePatterns modules)
                                    && !modules.matches("lm_head")
                                    && !modules.equals(ModulePatterns.NONE);
                    };
            if (isAll) {
                diagnostics.translated(
                        value.orElseThrow().at(),
                        PEFT + "." + key,
                        "read as all-linear, which leaves out the head; AutoModel adapts the head too");
            }
        }
    }
}
