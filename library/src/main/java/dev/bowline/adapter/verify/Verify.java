package dev.bowline.adapter.verify;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdaptedModule;
import dev.bowline.adapter.AdapterTargets;
import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.export.BaseNames;
import dev.bowline.adapter.export.DeltaComparison;
import dev.bowline.adapter.export.ExportTarget;
import dev.bowline.adapter.export.ExportedAdapter;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.BaseExperts;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.ExpertPair;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.StackedExperts;
import dev.bowline.adapter.verify.VerifyReport.AdapterChangesCount;
import dev.bowline.adapter.verify.VerifyReport.Kind;
import dev.bowline.adapter.verify.VerifyReport.LogitsChange;
import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.findings.Severity;
import dev.bowline.catalog.AutoModelLoad;
import dev.bowline.model.LanguageModel;
import dev.bowline.platform.NativeProcess;
import dev.bowline.safetensors.PeftAdapter;
import dev.bowline.safetensors.WeightFiles;
import dev.bowline.streamed.Logits;
import dev.bowline.streamed.StreamedCheckpoint;
import dev.bowline.streamed.StreamedModel;
import dev.bowline.tensor.LibTorch;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;

/// Proves from the files that a merged checkpoint, an adapter, or an adapter exported for a program is what it should
/// be: the tensors against those of the base, the logits of a text, the effect of the adapter, and the tie.
///
/// The weights are read a few rows at a time, whatever their size. The logits are computed in float32.
public final class Verify {

    /// The smallest effect on the logits, relative to the largest of them, that counts as one. Float32 rounds
    /// by less.
    public static final double LEAST_EFFECT = 1e-4;

    /// The largest KL divergence, in nats, between a merged checkpoint and the adapter on its base. A merge
    /// into bfloat16 rounds every weight; values of a wrong merge are larger by orders of magnitude.
    public static final double MOST_DIVERGENCE = 0.02;

    private final StreamedCheckpoint base;
    private final Path baseDirectory;
    private final long[] ids;
    private final List<String> problems = new ArrayList<>();

    private Verify(StreamedCheckpoint base, Path baseDirectory, long[] ids) {
        this.base = base;
        this.baseDirectory = baseDirectory;
        this.ids = ids;
    }

    /// @param directory a merged checkpoint, an adapter, an export for vLLM, or a GGUF adapter
    /// @param adapter the adapter that was merged or exported; empty if it is not at hand
    /// @param tieMode the meaning of the adapter on one of two tied modules; empty takes the adapter's own
    /// @param ids of the tokens of a text; none takes ids from the whole vocabulary
    /// @throws BowlineException if a directory cannot be read, or if the ids are not in the vocabulary
    public static VerifyReport of(
            Path directory, Path base, Optional<Path> adapter, Optional<TieMode> tieMode, long... ids) {
        NativeProcess.tune();
        LibTorch.load();
        try (StreamedCheckpoint opened = StreamedCheckpoint.open(base);
                TensorScope _ = TensorScope.open()) {
            long[] chosen = ids.length == 0 ? Logits.spreadIds(opened.model()) : ids.clone();
            Verify verify = new Verify(opened, base, chosen);
            boolean isAdapter =
                    Files.exists(directory.resolve(PeftAdapter.CONFIG_FILE)) || ExportedAdapter.isGguf(directory);
            return isAdapter
                    ? verify.adapter(directory, adapter, tieMode)
                    : verify.checkpoint(directory, adapter, tieMode);
        }
    }

    private static void requireIds(LanguageModel model, long[] ids) {
        for (long id : ids) {
            if (id < 0 || id >= model.vocabularySize()) {
                throw new BowlineException(
                        "the text has the token %d, and the base has %d tokens".formatted(id, model.vocabularySize()),
                        "use the tokenizer of the base");
            }
        }
        if (ids.length > model.maxPositions()) {
            throw new BowlineException(
                    "the text has %d tokens, and the base reads at most %d".formatted(ids.length, model.maxPositions()),
                    "give another text");
        }
    }

    private VerifyReport adapter(Path directory, Optional<Path> source, Optional<TieMode> tieMode) {
        try (ExportedAdapter read = ExportedAdapter.open(directory, baseDirectory, names())) {
            AdapterFiles files = tieMode.map(read.files()::withTieMode).orElse(read.files());
            problems.addAll(read.problems());
            requireBase(files);
            List<AdaptedModule> modules = modules(files);
            requireIds(base.model(), ids);
            Logits plain = plain();
            Logits live = live(files);
            double effect = plain.relativeDifference(live);
            requireEffect(effect, "the adapter");
            requireFinite(live);
            Optional<Logits> original = source.map(each -> original(each, files, tieMode));
            Optional<Double> difference = original.map(each -> each.relativeDifference(live));
            difference.ifPresent(this::requireEqual);
            return new VerifyReport(
                    directory,
                    baseDirectory,
                    kind(read.target()),
                    Optional.empty(),
                    Optional.of(count(modules, experts(files))),
                    new LogitsChange(
                            ids.length,
                            effect,
                            plain.divergence(live),
                            difference,
                            original.map(each -> each.divergence(live))),
                    Optional.empty(),
                    problems);
        }
    }

    private static Kind kind(ExportTarget target) {
        return switch (target) {
            case PEFT -> Kind.ADAPTER;
            case VLLM -> Kind.VLLM_ADAPTER;
            case LLAMA_CPP, OLLAMA -> Kind.GGUF_ADAPTER;
        };
    }

    /// The logits of the adapter that was exported, whose deltas the export must have.
    private Logits original(Path source, AdapterFiles exported, Optional<TieMode> tieMode) {
        try (AdapterFiles files = open(source, tieMode)) {
            requireBase(files);
            problems.addAll(DeltaComparison.differences(files, exported, baseDirectory));
            return live(files);
        }
    }

    private BaseNames names() {
        LanguageModel model = base.model();
        SequencedMap<String, Integer> experts = new LinkedHashMap<>();
        SequencedSet<String> modules = new LinkedHashSet<>(model.linears().keySet());
        model.linearStacks().forEach((name, stack) -> {
            experts.put(name, stack.experts().size());
            stack.experts().forEach(expert -> modules.remove(expert.path()));
        });
        for (String slot : List.of(base.embedding(), base.head())) {
            modules.add(slot.replaceFirst("\\.weight$", ""));
        }
        return new BaseNames(modules, experts);
    }

    /// The experts of each stacked weight whose delta is not zero.
    private Map<String, BitSet> experts(AdapterFiles files) {
        Map<String, BitSet> deltas = new HashMap<>();
        try (WeightFiles weights = WeightFiles.open(baseDirectory);
                Arena arena = Arena.ofConfined()) {
            for (ExpertPair pair :
                    StackedExperts.of(files, BaseExperts.of(weights)).pairs(arena)) {
                BitSet experts = new BitSet();
                for (int expert = 0; expert < pair.experts(); expert++) {
                    experts.set(expert, pair.hasDelta(expert));
                }
                deltas.put(pair.parameter(), experts);
            }
        }
        return deltas;
    }

    private VerifyReport checkpoint(Path directory, Optional<Path> adapter, Optional<TieMode> tieMode) {
        try (StreamedCheckpoint merged = StreamedCheckpoint.open(directory)) {
            Optional<AdapterFiles> files = adapter.map(each -> open(each, tieMode));
            try {
                Optional<List<AdaptedModule>> modules = files.map(this::modules);
                requireRows(merged, modules);
                requireIds(base.model(), ids);
                files.ifPresent(this::requireBase);
                Map<String, BitSet> experts = files.map(this::experts).orElse(Map.of());
                TensorComparer comparer = new TensorComparer(base, merged, modules, experts);
                VerifyReport.Tensors tensors = comparer.compare(problems);
                Logits plain = plain();
                Logits own = logits(merged);
                requireFinite(own);
                double effect = plain.relativeDifference(own);
                requireEffect(effect, "the checkpoint");
                Optional<Logits> live = files.map(this::live);
                Optional<Double> divergence = live.map(each -> each.divergence(own));
                divergence.ifPresent(this::requireAgreement);
                TieAudit audit = TieAudit.of(directory, AuditOptions.NONE.with(new AutoModelLoad()));
                requireClean(audit);
                return new VerifyReport(
                        directory,
                        baseDirectory,
                        Kind.CHECKPOINT,
                        Optional.of(tensors),
                        modules.map(each -> count(each, experts)),
                        new LogitsChange(
                                ids.length,
                                effect,
                                plain.divergence(own),
                                live.map(each -> each.relativeDifference(own)),
                                divergence),
                        Optional.of(audit),
                        problems);
            } finally {
                files.ifPresent(AdapterFiles::close);
            }
        }
    }

    /// A merge of an adapter with new tokens has more rows than the base.
    private void requireRows(StreamedCheckpoint merged, Optional<List<AdaptedModule>> modules) {
        boolean hasAdapter = modules.isPresent();
        int rows = merged.model().vocabularySize();
        if (!hasAdapter && rows > base.model().vocabularySize()) {
            base.addRows(rows);
        }
        if (rows != base.model().vocabularySize()) {
            throw new BowlineException(
                    "the token embedding has %d rows, and the base%s has %d"
                            .formatted(
                                    rows,
                                    hasAdapter ? " with the adapter" : "",
                                    base.model().vocabularySize()),
                    "name the base and the adapter of the merge");
        }
    }

    private static AdapterFiles open(Path adapter, Optional<TieMode> tieMode) {
        AdapterFiles files = AdapterFiles.open(adapter);
        return tieMode.map(files::withTieMode).orElse(files);
    }

    private void requireBase(AdapterFiles files) {
        files.record().ifPresent(record -> {
            try (WeightFiles all = WeightFiles.open(baseDirectory)) {
                record.requireBase(files.directory().toString(), BaseIdentity.of(all));
            } catch (BowlineException e) {
                problems.add(e.problem());
            }
        });
    }

    private void requireEffect(double effect, String subject) {
        if (!(effect > LEAST_EFFECT)) {
            problems.add(String.format(
                    Locale.ROOT,
                    "%s has no effect: the logits differ from those of the base by %.3g of the largest",
                    subject,
                    effect));
        }
    }

    private void requireAgreement(double divergence) {
        if (!(divergence <= MOST_DIVERGENCE)) {
            problems.add(String.format(
                    Locale.ROOT,
                    "the checkpoint does not compute what the adapter computes on its base: the KL divergence is %.3g"
                            + " nats, and at most %s is rounding",
                    divergence,
                    MOST_DIVERGENCE));
        }
    }

    private void requireEqual(double difference) {
        if (!(difference <= LEAST_EFFECT)) {
            problems.add(String.format(
                    Locale.ROOT,
                    "the export does not compute what the adapter computes: the logits differ by %.3g of the largest,"
                            + " and at most %s is rounding",
                    difference,
                    LEAST_EFFECT));
        }
    }

    private void requireFinite(Logits logits) {
        if (!logits.isFinite()) {
            problems.add("some logits are not finite numbers");
        }
    }

    private void requireClean(TieAudit audit) {
        TieAudit before = TieAudit.of(baseDirectory, AuditOptions.NONE.with(new AutoModelLoad()));
        audit.findings().stream()
                .filter(finding -> finding.severity().isAtLeast(Severity.MEDIUM) && !before.has(finding.code()))
                .forEach(finding -> problems.add(
                        "the audit finds %s: %s".formatted(finding.code().id(), finding.what())));
    }

    private static AdapterChangesCount count(List<AdaptedModule> modules, Map<String, BitSet> deltas) {
        long experts = 0;
        for (AdaptedModule module : modules) {
            experts += module instanceof AdaptedModule.ExpertPairs pairs ? pairs.experts() : 0;
        }
        long changed = deltas.values().stream().mapToLong(BitSet::cardinality).sum();
        long values = modules.stream().mapToLong(AdaptedModule::trainedValues).sum();
        return new AdapterChangesCount(modules.size(), changed, experts - changed, values);
    }

    /// An adapter with new tokens gives the base their rows.
    private List<AdaptedModule> modules(AdapterFiles files) {
        base.addRows(AdapterTargets.vocabularySize(base.model(), files));
        try (LanguageModel model = StreamedModel.of(base.config(), base::rows)) {
            return AdapterTargets.inFile(model, files);
        }
    }

    private Logits plain() {
        return logits(base);
    }

    private Logits logits(StreamedCheckpoint checkpoint) {
        try (LanguageModel model = StreamedModel.of(checkpoint.config(), checkpoint::rows)) {
            return Logits.of(model, ids);
        }
    }

    private Logits live(AdapterFiles files) {
        try (LanguageModel model = StreamedModel.of(base.config(), base::rows)) {
            Adapters.of(model).attach("verified", files);
            return Logits.of(model, ids);
        }
    }
}
