package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.ExpertLayout;
import dev.bowline.adapter.format.VllmModel;
import dev.bowline.audit.evidence.PlacedTensor;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// The names of an adapter's tensors against the modules of its base. Most loaders report no error for a key without a
/// module.
final class AdapterNames {

    /// Grouped experts as NeMo AutoModel saves them for families without a format of their own.
    private static final Pattern GROUPED = Pattern.compile("\\.experts\\.lora_\\w+_[AB](\\.weight)?$");

    private final AdapterFacts facts;
    private final AdapterFindings findings = new AdapterFindings();

    private AdapterNames(AdapterFacts facts) {
        this.facts = facts;
    }

    static List<Finding> check(AdapterFacts facts) {
        AdapterNames names = new AdapterNames(facts);
        names.grouped();
        names.oldLayout();
        names.stacked();
        names.unread();
        names.modules();
        names.prefix();
        return names.findings.found();
    }

    /// The modules that the adapter changes and the base lacks.
    static List<String> missing(AdapterFacts facts) {
        return facts.known().values().stream()
                .map(AdapterKey::plainModule)
                .distinct()
                .filter(module -> !facts.modules().has(module))
                .toList();
    }

    static boolean isGrouped(PlacedTensor tensor) {
        return GROUPED.matcher(tensor.key()).find();
    }

    private Fix convert(String words) {
        return Fix.of(words + ": ")
                .and(new Remedy.ConvertAdapter(Optional.of(facts.baseDirectory()), facts.directory()));
    }

    private void grouped() {
        List<String> grouped = keys(AdapterNames::isGrouped);
        if (!grouped.isEmpty()) {
            findings.add(
                    FindingCode.T29,
                    Severity.CRITICAL,
                    "%d tensors are experts in NeMo AutoModel's grouped form, which neither PEFT nor vLLM nor llama.cpp"
                                    .formatted(grouped.size())
                            + " reads: the experts would stay those of the base",
                    convert("write the experts in PEFT's layout"),
                    grouped);
        }
    }

    /// PEFT before 0.19 took the two sides of a stacked weight the other way round.
    private void oldLayout() {
        if (facts.layout().filter(ExpertLayout.PEFT_SWAPPED::equals).isPresent()) {
            findings.add(
                    FindingCode.T34,
                    Severity.HIGH,
                    "the experts have the layout of PEFT 0.18 and earlier: PEFT 0.19 and later refuse the shapes, and"
                            + " vLLM drops the adapter or ends",
                    convert("write the experts in the current layout"),
                    keys(tensor -> AdapterKey.of(tensor.key())
                            .filter(AdapterKey::isExperts)
                            .isPresent()));
        }
    }

    /// PEFT's pair for all experts, as vLLM reads it for a few other classes.
    private void stacked() {
        boolean isPeft = facts.layout().filter(ExpertLayout.PEFT::equals).isPresent();
        if (isPeft && VllmModel.of(facts.className()).isPresent()) {
            findings.add(
                    FindingCode.T29,
                    Severity.HIGH,
                    "the experts are stacked, as PEFT has them: vLLM loads the adapter, and the deltas of the experts bind to nothing",
                    Fix.of("write a pair per expert for vLLM: ").and(export("vllm")),
                    keys(tensor -> AdapterKey.of(tensor.key())
                            .filter(AdapterKey::isExperts)
                            .isPresent()));
        }
    }

    private void unread() {
        List<String> others = keys(tensor -> !facts.known().containsKey(tensor) && !isGrouped(tensor));
        if (others.isEmpty()) {
            return;
        }
        boolean lackPrefix = others.stream().noneMatch(key -> key.startsWith(AdapterKey.PREFIX));
        findings.add(
                FindingCode.T31,
                Severity.HIGH,
                lackPrefix
                        ? "%d tensors have names that do not begin with '%s', so no reader loads them"
                                .formatted(others.size(), AdapterKey.PREFIX)
                        : "%d tensors have names that no reader of adapters knows".formatted(others.size()),
                lackPrefix
                        ? "save the adapter with PEFT's save_pretrained, which writes that prefix"
                        : "save it with PEFT's save_pretrained; tensors of another method need its peft_type",
                others);
    }

    private void modules() {
        List<String> missing = missing(facts);
        if (missing.isEmpty()) {
            return;
        }
        long all = facts.known().values().stream()
                .map(AdapterKey::plainModule)
                .distinct()
                .count();
        Optional<String> meant = facts.modules().named(missing.getFirst());
        findings.add(
                FindingCode.T27,
                missing.size() == all ? Severity.CRITICAL : Severity.HIGH,
                missing.size() == all
                        ? "the base has none of the %d modules that the adapter changes: loaded, it has no effect"
                                .formatted(all)
                        : "the base lacks %d of the %d modules that the adapter changes".formatted(missing.size(), all),
                meant.map(module -> Fix.of(
                                        "the base calls %s %s; rename the keys: ".formatted(missing.getFirst(), module))
                                .and(export("peft")))
                        .orElse(Fix.of("use the adapter with the model that it was trained on")),
                missing);
    }

    private Remedy.ExportAdapter export(String program) {
        return new Remedy.ExportAdapter(Optional.of(facts.baseDirectory()), facts.directory(), program);
    }

    /// vLLM's class of a text model inside a wrapper has other names than the adapter, and reports no error.
    private void prefix() {
        Optional<VllmModel> model = VllmModel.of(facts.className());
        if (model.isEmpty() || !missing(facts).isEmpty()) {
            return;
        }
        List<String> unbound = facts.known().values().stream()
                .map(AdapterKey::plainModule)
                .distinct()
                .filter(module -> !facts.isHead(module) && !model.get().binds(module))
                .toList();
        if (!unbound.isEmpty()) {
            findings.add(
                    FindingCode.T27,
                    Severity.CRITICAL,
                    "vLLM's %s has none of the names of %d modules: loaded there, the adapter has no effect on them"
                            .formatted(facts.className(), unbound.size()),
                    Fix.of("write the names that vLLM binds: ").and(export("vllm")),
                    unbound);
        }
    }

    private List<String> keys(Predicate<PlacedTensor> which) {
        return facts.tensors().stream().filter(which).map(PlacedTensor::key).toList();
    }
}
