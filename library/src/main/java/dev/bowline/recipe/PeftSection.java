package dev.bowline.recipe;

import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.DropoutPosition;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.adapter.format.LoraConfig.Scaling;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.Key.Names;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// An adapter that is trained in place of the weights. A recipe without the section trains the weights.
///
/// The keys have the names of AutoModel's `PeftConfig` and of PEFT's `LoraConfig`; where the two differ, the name
/// of AutoModel comes first. The defaults are PEFT's; a recipe of AutoModel has AutoModel's.
///
/// @param lora the adapter's settings
public record PeftSection(LoraConfig lora) {

    static final Section SECTION = new Section("peft");

    private static final ModulePatterns ALL_LINEAR = new ModulePatterns.AllLinear();

    static final Key<Long> DIM = SECTION.key(
            Names.of("dim").alias("r"),
            NumberTypes.longFrom(1),
            Default.of(8L, "as PEFT and AutoModel"),
            "Rank of the adapter: columns of lora_A's output.");

    static final Key<Double> ALPHA = SECTION.key(
            Names.of("alpha").alias("lora_alpha"),
            NumberTypes.above(0, "16"),
            Default.of(8.0, "as PEFT; AutoModel has 32"),
            "The delta is multiplied by alpha / dim.");

    static final Key<Double> DROPOUT = SECTION.key(
            Names.of("dropout").alias("lora_dropout"),
            NumberTypes.fraction("0.05"),
            Default.of(0.0, "as PEFT and AutoModel"),
            "Probability that a value of the adapter is zeroed in training.");

    static final Key<DropoutPosition> DROPOUT_POSITION = SECTION.key(
            "dropout_position",
            TextTypes.oneOf(DropoutPosition.values()),
            Default.of(DropoutPosition.PRE, "as PEFT; AutoModel has post"),
            "pre: dropout of lora_A's input; post: dropout of lora_B's output.");

    static final Key<Boolean> MATCH_ALL_LINEAR = SECTION.key(
            "match_all_linear",
            TextTypes.trueOrFalse(),
            Default.of(false, "target_modules says which"),
            "true is target_modules: all-linear.");

    static final Key<ModulePatterns> TARGET_MODULES = SECTION.key(
            "target_modules",
            PeftTypes.targets(),
            Default.from(
                    values -> values.find(PeftSection.TARGET_PARAMETERS)
                                    .orElse(List.of())
                                    .isEmpty()
                            ? ALL_LINEAR
                            : ModulePatterns.NONE,
                    "all-linear; none with target_parameters"),
            "Modules that get a pair of matrices: `all-linear` (every linear but the head and routers, and experts), a"
                    + " list of names, or one regular expression of the full name. A name is the end of a module's full"
                    + " name (PEFT); with `*` it is a pattern of the full name (AutoModel). A name that matches no module is"
                    + " an error.");

    static final Key<ModulePatterns> EXCLUDE_MODULES = SECTION.key(
            "exclude_modules",
            PeftTypes.excluded(),
            Default.of(ModulePatterns.NONE, "none"),
            "Modules that get none although target_modules has them; names as there.");

    static final Key<List<String>> TARGET_PARAMETERS = SECTION.key(
            "target_parameters",
            PeftTypes.names(),
            Default.of(List.of(), "none"),
            "Stacked weights of experts, such as mlp.experts.gate_up_proj: each expert gets a pair.");

    static final Key<List<String>> MODULES_TO_SAVE = SECTION.key(
            "modules_to_save",
            PeftTypes.names(),
            Default.of(List.of(), "none"),
            "Modules that are trained whole and stored whole in the adapter.");

    static final Key<SequencedMap<String, List<Long>>> TRAINABLE_TOKEN_INDICES = SECTION.key(
            "trainable_token_indices",
            PeftTypes.tokens(),
            Default.of(new LinkedHashMap<>(), "none"),
            "Token ids whose rows of the embedding are trained: a list for embed_tokens, or lists by the name of the"
                    + " embedding.");

    static final Key<LoraAInit> LORA_A_INIT = SECTION.key(
            Names.of("lora_A_init").alias("init_lora_weights"),
            PeftTypes.init(),
            Default.of(LoraAInit.KAIMING, "as PEFT; AutoModel has xavier"),
            "Initial values of lora_A: `kaiming` (PEFT's true, AutoModel's uniform), `xavier` (normal) or `gaussian`;"
                    + " lora_B starts at zero.");

    static final Key<Boolean> USE_DORA = SECTION.key(
            "use_dora",
            TextTypes.trueOrFalse(),
            Default.of(false, "as PEFT and AutoModel"),
            "DoRA: a trained length for each output of an adapted linear.");

    static final Key<Boolean> USE_RSLORA = SECTION.key(
            "use_rslora",
            TextTypes.trueOrFalse(),
            Default.of(false, "as PEFT"),
            "Multiplies the delta by alpha / √dim.");

    static final Key<SequencedMap<String, Long>> RANK_PATTERN = SECTION.key(
            "rank_pattern",
            PeftTypes.byPattern(NumberTypes.longFrom(1)),
            Default.of(new LinkedHashMap<>(), "dim everywhere"),
            "Ranks of modules, by regular expressions of the end of a module's name; the first that matches holds.");

    static final Key<SequencedMap<String, Double>> ALPHA_PATTERN = SECTION.key(
            "alpha_pattern",
            PeftTypes.byPattern(NumberTypes.above(0, "16")),
            Default.of(new LinkedHashMap<>(), "alpha everywhere"),
            "Alphas of modules, likewise.");

    static final Key<Optional<TieMode>> TIE_MODE = SECTION.key(
            "tie_mode",
            TextTypes.oneOf(TextTypes.names(Map.entry("shared", TieMode.SHARED), Map.entry("untie", TieMode.UNTIE)))
                    .optional(),
            Default.from(
                    values -> values.is(PeftSection.ENSURE_WEIGHT_TYING, true)
                            ? Optional.of(TieMode.SHARED)
                            : Optional.empty(),
                    "an adapter on one of two tied modules is refused"),
            "Adapter on the embedding or the head when they are tied. shared: one delta, which both use; untie: the two"
                    + " part, and the merged model has tie_word_embeddings: false.");

    static final Key<Boolean> ENSURE_WEIGHT_TYING = SECTION.key(
            "ensure_weight_tying",
            TextTypes.trueOrFalse(),
            Default.from(values -> values.is(TIE_MODE, Optional.of(TieMode.SHARED)), "true with tie_mode: shared"),
            "PEFT's name: true is tie_mode: shared.");

    static PeftSection of(RecipeValues values) {
        boolean isAll = values.use(MATCH_ALL_LINEAR);
        ModulePatterns targets = values.use(TARGET_MODULES);
        boolean isEnsured = values.use(ENSURE_WEIGHT_TYING);
        TieMode unnamed = isEnsured ? TieMode.SHARED : TieMode.UNCHOSEN;
        return new PeftSection(new LoraConfig(
                values.use(DIM),
                values.use(ALPHA),
                values.use(DROPOUT),
                values.use(DROPOUT_POSITION),
                values.use(USE_RSLORA) ? Scaling.RSLORA : Scaling.LORA,
                values.use(USE_DORA) ? Variant.DORA : Variant.LORA,
                values.use(LORA_A_INIT),
                isAll ? ALL_LINEAR : targets,
                values.use(EXCLUDE_MODULES),
                values.use(TARGET_PARAMETERS),
                values.use(MODULES_TO_SAVE),
                values.use(RANK_PATTERN),
                values.use(ALPHA_PATTERN),
                values.use(TRAINABLE_TOKEN_INDICES),
                values.use(TIE_MODE).orElse(unnamed)));
    }

    static void check(RecipeValues values) {
        if (!values.hasSection(SECTION.path())) {
            values.findSome(ModelSection.QUANTIZATION)
                    .ifPresent(format -> values.refuse(
                            "model.quantization is %s, and quantised weights are not trained".formatted(format),
                            "add a section peft, which trains an adapter, or remove it",
                            ModelSection.QUANTIZATION));
            return;
        }
        if (values.is(MATCH_ALL_LINEAR, true)
                && values.isGiven(TARGET_MODULES)
                && !values.is(TARGET_MODULES, ALL_LINEAR)) {
            values.refuseDifference(MATCH_ALL_LINEAR, TARGET_MODULES);
        }
        Optional<TieMode> tie = values.findSome(TIE_MODE);
        if (values.isGiven(ENSURE_WEIGHT_TYING)
                && values.isGiven(TIE_MODE)
                && tie.isPresent()
                && !values.is(ENSURE_WEIGHT_TYING, tie.get() == TieMode.SHARED)) {
            values.refuseDifference(TIE_MODE, ENSURE_WEIGHT_TYING);
        }
        boolean isNothing = values.is(TARGET_MODULES, ModulePatterns.NONE)
                && values.is(MATCH_ALL_LINEAR, false)
                && values.is(TARGET_PARAMETERS, List.of())
                && values.is(MODULES_TO_SAVE, List.of())
                && values.is(TRAINABLE_TOKEN_INDICES, new LinkedHashMap<>());
        if (isNothing) {
            values.refuse(
                    "peft: target_modules is empty, so nothing is trained",
                    "write target_modules: all-linear, or remove the section to train the weights",
                    TARGET_MODULES);
        }
        boolean hasExperts = !values.find(TARGET_PARAMETERS).orElse(List.of()).isEmpty();
        if (hasExperts && values.is(USE_DORA, true)) {
            values.refuse(
                    "peft.use_dora: DoRA of experts is not supported, and peft.target_parameters names experts",
                    "remove one of the two",
                    USE_DORA);
        }
        if (hasExperts && values.find(DROPOUT).orElse(0.0) > 0) {
            values.refuse(
                    "peft.dropout: dropout of experts is not supported, and peft.target_parameters names experts",
                    "write dropout: 0, or remove target_parameters",
                    DROPOUT);
        }
    }
}
