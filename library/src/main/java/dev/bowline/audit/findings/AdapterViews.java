package dev.bowline.audit.findings;

import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.ExpertLayout;
import dev.bowline.adapter.format.VllmModel;
import dev.bowline.audit.findings.AdapterView.Outcome;
import dev.bowline.gguf.GgufArchitecture;
import dev.bowline.json.JsonNumber;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// The effect of an adapter's files in each program. docs/consumers.md names the sources.
final class AdapterViews {

    /// Classes whose adapters Ollama converts from safetensors.
    private static final Set<String> OLLAMA = Set.of("LlamaForCausalLM", "MistralForCausalLM", "Gemma2ForCausalLM");

    private static final String ONE_TABLE =
            "the base is tied, and no delta fits its one tensor of head and input embedding";

    private static final String AUTOMODEL_FILE = "automodel_peft_config.json";

    private final AdapterFacts facts;
    private final boolean hasExperts;
    private final boolean isZero;
    private final List<AdapterView> views = new ArrayList<>();

    private final boolean isOneSided;

    private AdapterViews(AdapterFacts facts) {
        this.facts = facts;
        boolean head = isAny(facts::isHead);
        boolean embedding = isAny(facts::isInputEmbedding) && !facts.hasPart(Part.TOKENS);
        isOneSided = AdapterRules.isTied(facts.base()) && head != embedding;
        hasExperts = facts.layout().isPresent();
        isZero = AdapterEffect.changesNothing(facts);
    }

    static List<AdapterView> of(AdapterFacts facts) {
        AdapterViews views = new AdapterViews(facts);
        if (!facts.tensors().isEmpty()) {
            views.bowline();
            views.add(AdapterReader.PEFT, views.peft());
            views.add(AdapterReader.VLLM, views.vllm());
            views.add(AdapterReader.LLAMA_CPP, views.llamaCpp());
            views.add(AdapterReader.OLLAMA, views.ollama());
            views.autoModel();
        }
        return views.views;
    }

    /// @param why the reason; empty for an adapter that is applied
    private record Result(Outcome outcome, String why) {}

    private static Optional<Result> when(boolean condition, Outcome outcome, String why) {
        return condition ? Optional.of(new Result(outcome, why)) : Optional.empty();
    }

    @SafeVarargs
    private static Optional<Result> first(Optional<Result>... results) {
        for (Optional<Result> result : results) {
            if (result.isPresent()) {
                return result;
            }
        }
        return Optional.empty();
    }

    private void add(AdapterReader reader, Optional<Result> result) {
        Result effect = result.or(() -> when(isZero, Outcome.NO_EFFECT, "every lora_B is zero"))
                .orElse(new Result(Outcome.APPLIED, "every tensor has a module"));
        views.add(new AdapterView(reader, effect.outcome, effect.why));
    }

    private void bowline() {
        List<String> missing = AdapterNames.missing(facts);
        add(
                AdapterReader.BOWLINE,
                facts.refusal()
                        .map(problem -> new Result(Outcome.REFUSED, problem))
                        .or(() -> when(
                                missing.stream().anyMatch(module -> !module.contains(".experts")),
                                Outcome.REFUSED,
                                "the base has no '%s'".formatted(missing.isEmpty() ? "" : missing.getFirst())))
                        .or(() -> when(AdapterShapes.differ(facts), Outcome.REFUSED, "shapes differ from the base's"))
                        .or(() -> when(
                                !AdapterTrained.lost(facts).isEmpty(),
                                Outcome.REFUSED,
                                "trained values are not in the file"))
                        .or(() -> when(
                                isOneSided && facts.record().isEmpty(),
                                Outcome.REFUSED,
                                "the base is tied, and the adapter has no tie mode")));
    }

    private Optional<Result> peft() {
        return first(
                when(
                        !AdapterScale.otherRanks(facts).isEmpty() && !facts.hasFields("rank_pattern"),
                        Outcome.REFUSED,
                        "the tensors have another rank than r"),
                when(isLayout(ExpertLayout.PEFT_SWAPPED), Outcome.REFUSED, "the experts have the layout of PEFT 0.18"),
                when(AdapterShapes.differ(facts), Outcome.REFUSED, "shapes differ from the base's"),
                when(noModules(), Outcome.NO_EFFECT, "no key names a module of the base"),
                when(
                        isLayout(ExpertLayout.AUTOMODEL_GROUPED)
                                || isLayout(ExpertLayout.SPLIT)
                                || facts.tensors().stream().anyMatch(AdapterNames::isGrouped),
                        Outcome.IN_PART,
                        "the experts are in the layout of another program"),
                inPart());
    }

    private Optional<Result> inPart() {
        return first(
                when(!AdapterNames.missing(facts).isEmpty(), Outcome.IN_PART, "the base lacks modules of the adapter"),
                when(!AdapterEffect.alone(facts).isEmpty(), Outcome.IN_PART, "matrices lack their other half"),
                when(!AdapterTrained.lost(facts).isEmpty(), Outcome.IN_PART, "trained values are not in the file"));
    }

    private boolean isLayout(ExpertLayout layout) {
        return facts.layout().filter(layout::equals).isPresent();
    }

    private boolean noModules() {
        return facts.known().values().stream()
                .map(AdapterKey::plainModule)
                .noneMatch(module -> facts.modules().has(module));
    }

    private boolean isAny(Predicate<String> module) {
        return facts.known().values().stream().map(AdapterKey::plainModule).anyMatch(module);
    }

    private Optional<Result> vllm() {
        Optional<VllmModel> model = VllmModel.of(facts.className());
        boolean isStacked = hasExperts && !isLayout(ExpertLayout.SPLIT);
        return first(
                when(facts.isTrue("use_dora"), Outcome.REFUSED, "DoRA"),
                when(facts.isSet("modules_to_save"), Outcome.REFUSED, "modules_to_save"),
                when(facts.hasPart(Part.TOKENS), Outcome.REFUSED, "rows of tokens"),
                when(
                        model.isEmpty(),
                        Outcome.REFUSED,
                        "the names in its class for %s are not known".formatted(named())),
                when(
                        model.isPresent()
                                && !model.get().adaptsEmbeddings()
                                && isAny(module -> facts.isHead(module) || facts.isInputEmbedding(module)),
                        Outcome.REFUSED,
                        "its class takes no delta of the head or of the input embedding"),
                when(
                        model.isPresent()
                                && !isAny(module ->
                                        facts.isHead(module) || model.get().binds(module)),
                        Outcome.NO_EFFECT,
                        "its class has other names for the modules"),
                when(noModules(), Outcome.NO_EFFECT, "no key names a module of the base"),
                when(AdapterShapes.differ(facts), Outcome.REFUSED, "shapes differ from the base's"),
                when(
                        isStacked || facts.tensors().stream().anyMatch(AdapterNames::isGrouped),
                        Outcome.IN_PART,
                        "deltas of stacked experts bind to nothing"),
                when(
                        AdapterScale.hasPattern(facts)
                                || !AdapterScale.otherRanks(facts).isEmpty(),
                        Outcome.OTHER_STRENGTH,
                        "it reads one rank and one alpha"),
                inPart());
    }

    private String named() {
        return facts.className().isEmpty() ? "an unnamed architecture" : facts.className();
    }

    private Optional<Result> llamaCpp() {
        Optional<GgufArchitecture> architecture = GgufArchitecture.of(facts.className());
        return first(
                when(
                        architecture.isEmpty(),
                        Outcome.REFUSED,
                        "the architecture for %s is not known".formatted(named())),
                when(facts.isTrue("use_dora"), Outcome.REFUSED, "its converter has no DoRA"),
                when(facts.hasPart(Part.TOKENS), Outcome.REFUSED, "its converter has no rows of tokens"),
                when(
                        facts.known().values().stream()
                                .anyMatch(key -> key.part() == Part.COPY
                                        && (facts.isHead(key.module()) || facts.isInputEmbedding(key.module()))),
                        Outcome.REFUSED,
                        "its converter refuses whole tables"),
                when(
                        hasExperts || facts.tensors().stream().anyMatch(AdapterNames::isGrouped),
                        Outcome.REFUSED,
                        "its converter has no form for stacked experts"),
                when(isOneTable(), Outcome.REFUSED, ONE_TABLE),
                gguf(architecture));
    }

    private boolean isOneTable() {
        return AdapterRules.isTied(facts.base())
                && !facts.isSet("modules_to_save")
                && !facts.hasPart(Part.TOKENS)
                && isAny(module -> facts.isHead(module) || facts.isInputEmbedding(module));
    }

    private Optional<Result> gguf(Optional<GgufArchitecture> architecture) {
        return first(
                when(noModules(), Outcome.REFUSED, "its converter maps no key"),
                when(AdapterShapes.differ(facts), Outcome.REFUSED, "shapes differ from the base's"),
                when(
                        facts.hasPart(Part.COPY) || facts.hasPart(Part.COPY_BIAS),
                        Outcome.IN_PART,
                        "its loader skips saved norms"),
                when(
                        architecture.isPresent()
                                && isAny(module -> !facts.modules()
                                                .named(module)
                                                .isEmpty()
                                        && architecture.get().parts(module).isEmpty()),
                        Outcome.IN_PART,
                        "its graph applies no delta to some of the modules"),
                strength(),
                inPart());
    }

    private Optional<Result> strength() {
        return when(
                AdapterScale.hasPattern(facts) || AdapterScale.isRankStabilised(facts),
                Outcome.OTHER_STRENGTH,
                "it scales every delta by lora_alpha / rank");
    }

    /// The directory of safetensors files as `ADAPTER`; a GGUF adapter works for every architecture.
    private Optional<Result> ollama() {
        boolean isWhole = facts.config()
                .get("lora_alpha")
                .filter(value -> value instanceof JsonNumber number && number.isWhole())
                .isPresent();
        return first(
                when(
                        !OLLAMA.contains(facts.className()),
                        Outcome.REFUSED,
                        "it converts adapters of llama and gemma2 alone; a GGUF adapter works"),
                when(!isWhole, Outcome.REFUSED, "it reads lora_alpha as a whole number"),
                when(isOneTable(), Outcome.REFUSED, ONE_TABLE),
                when(noModules(), Outcome.NO_EFFECT, "no key names a module of the base"),
                when(
                        facts.isTrue("use_dora") || facts.isSet("modules_to_save") || facts.hasPart(Part.TOKENS),
                        Outcome.IN_PART,
                        "it ignores DoRA, modules_to_save and rows of tokens"),
                strength(),
                inPart());
    }

    private void autoModel() {
        boolean hasOwnFile = Files.exists(facts.directory().resolve(AUTOMODEL_FILE));
        add(
                AdapterReader.AUTOMODEL,
                first(
                        when(!hasOwnFile, Outcome.REFUSED, "it reads its own adapters, with " + AUTOMODEL_FILE),
                        when(
                                facts.isTrue("use_rslora") || AdapterScale.hasPattern(facts),
                                Outcome.OTHER_STRENGTH,
                                "it has neither rsLoRA nor patterns"),
                        when(facts.isSet("modules_to_save"), Outcome.IN_PART, "it has no modules_to_save"),
                        inPart()));
    }
}
