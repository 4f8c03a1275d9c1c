package dev.bowline.recipe;

import static dev.bowline.recipe.AutoModelKeys.in;

import dev.bowline.adapter.format.LoraConfig.DropoutPosition;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.recipe.AutoModelKeys.Ignored;
import dev.bowline.recipe.AutoModelKeys.Means;
import dev.bowline.recipe.AutoModelKeys.OnlyWith;
import dev.bowline.recipe.AutoModelKeys.Refused;
import dev.bowline.recipe.AutoModelKeys.Rows;
import dev.bowline.recipe.AutoModelKeys.Target;
import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.YamlValue.Entry;
import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The translation of AutoModel's sections `peft` and `quantization`, and of the keys of PEFT's `LoraConfig` that
/// are no keys of Bowline.
final class AutoModelPeft {

    private static final String PEFT = "peft";
    private static final String QUANTIZATION = "quantization";
    private static final double USUAL_DIM = 8;
    private static final List<String> OFF = List.of("false", "null");
    private static final List<String> NONE = List.of("null", "{}", "[]");
    private static final String INITIAL_VALUES = "loftq_config eva_config corda_config lora_ga_config kasa_config";

    private static final String SCALING = "moe_rank_scaling";
    private static final String EXPERTS = "experts\\..*";

    private final Path file;
    private final Diagnostics diagnostics;

    /// @param file the recipe, absolute
    AutoModelPeft(Path file, Diagnostics diagnostics) {
        this.file = file;
        this.diagnostics = diagnostics;
    }

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
                new Means("true", "peft.rank_pattern", "{'experts\\..*': dim divided by the experts of a token}"),
                PEFT + "." + SCALING);
        rows.put(new OnlyWith(List.of("none"), "training of biases"), "peft.bias");
        rows.put(new OnlyWith(OFF, "a bias of lora_B"), "peft.lora_bias");
        rows.put(new OnlyWith(OFF, "weights that are stored transposed"), "peft.fan_in_fan_out");
        rows.put(new OnlyWith(OFF, "QALoRA"), "peft.use_qalora");
        rows.put(new OnlyWith(OFF, "block-diagonal LoRA"), "peft.use_bdlora");
        rows.put(new OnlyWith(NONE, "initial values made from data or from the weights"), in(PEFT, INITIAL_VALUES));
        rows.put(new OnlyWith(NONE, "a variant of LoRA"), in(PEFT, "arrow_config monteclora_config velora_config"));
        rows.put(new OnlyWith(NONE, "Megatron"), "peft.megatron_config");
        rows.put(new OnlyWith(NONE, "a model with repeated layers"), "peft.layer_replication");
        rows.put(new OnlyWith(NONE, "an adapter that starts at certain tokens"), "peft.alora_invocation_tokens");
        rows.put(
                new Refused("a choice of layers by number", "write a regular expression as target_modules"),
                in(PEFT, "layers_to_transform layers_pattern"));
        rows.put(
                new Ignored("PEFT writes it into every adapter, and the run starts a new one"),
                in(
                        PEFT,
                        "inference_mode base_model_name_or_path revision peft_version auto_mapping megatron_core"
                                + " qalora_group_size"));
        quantization(rows);
    }

    private static void quantization(Rows rows) {
        rows.put(new Means("true", "model.quantization", "nf4"), "quantization.load_in_4bit");
        rows.put(new Means("true", "model.quantization", "int8"), "quantization.load_in_8bit");
        rows.put(new OnlyWith(List.of("nf4"), "4-bit floating point (fp4)"), "quantization.bnb_4bit_quant_type");
        rows.put(
                new OnlyWith(List.of("true"), "nf4 with scales that are not quantised"),
                "quantization.bnb_4bit_use_double_quant");
        rows.put(
                new Ignored("layers compute in model.torch_dtype"),
                in("quantization", "bnb_4bit_compute_dtype bnb_4bit_quant_storage"));
        rows.put(
                new Ignored("weights are quantised, and activations are not"),
                in("quantization", "llm_int8_threshold llm_int8_enable_fp32_cpu_offload"));
        rows.put(
                new OnlyWith(List.of("null", "[]"), "a choice of quantised modules"),
                "quantization.llm_int8_skip_modules");
        rows.put(
                new OnlyWith(List.of("false"), "unquantised copies of weights"),
                "quantization.llm_int8_has_fp16_weight");
        rows.put(
                new OnlyWith(List.of("bitsandbytes"), "another format than bitsandbytes'"),
                "quantization.quant_method");
    }

    /// Translates keys whose meaning depends on others: the ranks of experts, and 4-bit keys that are switched off.
    Mapping translate(Mapping root) {
        return withExpertRanks(withoutUnusedBits(root));
    }

    private Mapping withoutUnusedBits(Mapping root) {
        if (!(root.find(List.of(QUANTIZATION)).orElse(root) instanceof Mapping section) || section == root) {
            return root;
        }
        boolean isFourBit = section.entry("load_in_4bit")
                .filter(entry -> entry.value().normalized().equals("true"))
                .isPresent();
        Mapping left = root;
        for (Entry entry : section.entries()) {
            if (!isFourBit && entry.key().startsWith("bnb_4bit_")) {
                diagnostics.ignored(entry.keyAt(), QUANTIZATION + "." + entry.key(), "load_in_4bit is not true");
                left = left.without(List.of(QUANTIZATION, entry.key()));
            }
        }
        return left;
    }

    private Mapping withExpertRanks(Mapping root) {
        List<String> path = List.of(PEFT, SCALING);
        Optional<YamlValue> scaling =
                root.find(path).filter(value -> value.normalized().equals("true"));
        Optional<Path> model = AutoModelMoves.modelDirectory(root, file);
        if (scaling.isEmpty()) {
            return root;
        }
        Origin at = scaling.get().at();
        String key = PEFT + "." + SCALING;
        Optional<Integer> experts = model.flatMap(ModelSection::expertsPerToken);
        Mapping left = root.without(path);
        if (experts.isEmpty()) {
            diagnostics.ignored(at, key, "the model has no experts");
            return left;
        }
        if (left.find(List.of(PEFT, "rank_pattern")).isPresent()) {
            diagnostics.problem(at, key + " contradicts rank_pattern", "remove one of the two");
            return left;
        }
        double dim = root.find(List.of(PEFT, "dim"))
                .or(() -> root.find(List.of(PEFT, "r")))
                .flatMap(YamlValue::asNumber)
                .orElse(USUAL_DIM);
        long rank = (long) dim / experts.get();
        if (rank < 1) {
            diagnostics.problem(
                    at,
                    "%s: dim %d divided by the %d experts of a token is less than 1"
                            .formatted(key, (long) dim, experts.get()),
                    "write dim: %d or more, or remove it".formatted(experts.get()));
            return left;
        }
        diagnostics.translated(at, key, "read as peft.rank_pattern: {'%s': %d}".formatted(EXPERTS, rank));
        Scalar number = new Scalar(String.valueOf(rank), true, at);
        return left.with(List.of(PEFT, "rank_pattern"), new Mapping(List.of(new Entry(EXPERTS, at, number)), at));
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
