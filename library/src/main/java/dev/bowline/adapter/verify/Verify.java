package dev.bowline.adapter.verify;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdaptedModule;
import dev.bowline.adapter.AdapterTargets;
import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig.TieMode;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Proves from the files that a merged checkpoint, or an adapter, is what it should be: the tensors against
/// those of the base, the logits of a text, the effect of the adapter, and the tie.
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

    /// @param directory a merged checkpoint, or an adapter
    /// @param adapter the adapter that was merged; empty for an adapter's own directory, or if it is not at
    ///     hand
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
            requireIds(opened.model(), chosen);
            Verify verify = new Verify(opened, base, chosen);
            return Files.exists(directory.resolve(PeftAdapter.CONFIG_FILE))
                    ? verify.adapter(directory, tieMode)
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

    private VerifyReport adapter(Path directory, Optional<TieMode> tieMode) {
        try (AdapterFiles files = open(directory, tieMode)) {
            requireBase(files);
            List<AdaptedModule> modules = modules(files);
            Logits plain = plain();
            Logits live = live(files);
            double effect = plain.relativeDifference(live);
            requireEffect(effect, "the adapter");
            requireFinite(live);
            return new VerifyReport(
                    directory,
                    baseDirectory,
                    Kind.ADAPTER,
                    Optional.empty(),
                    Optional.of(count(modules)),
                    new LogitsChange(ids.length, effect, plain.divergence(live), Optional.empty(), Optional.empty()),
                    Optional.empty(),
                    problems);
        }
    }

    private VerifyReport checkpoint(Path directory, Optional<Path> adapter, Optional<TieMode> tieMode) {
        try (StreamedCheckpoint merged = StreamedCheckpoint.open(directory)) {
            Optional<AdapterFiles> files = adapter.map(each -> open(each, tieMode));
            try {
                Optional<List<AdaptedModule>> modules = files.map(this::modules);
                files.ifPresent(this::requireBase);
                TensorComparer comparer = new TensorComparer(base, merged, modules);
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
                        modules.map(Verify::count),
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

    private static AdapterChangesCount count(List<AdaptedModule> modules) {
        long experts = 0;
        for (AdaptedModule module : modules) {
            experts += module instanceof AdaptedModule.ExpertPairs pairs ? pairs.experts() : 0;
        }
        long values = modules.stream().mapToLong(AdaptedModule::trainedValues).sum();
        return new AdapterChangesCount(modules.size(), experts, values);
    }

    private List<AdaptedModule> modules(AdapterFiles files) {
        try (LanguageModel model = StreamedModel.of(base.checkpoint().config(), base::rows)) {
            return AdapterTargets.inFile(model, files);
        }
    }

    private Logits plain() {
        return logits(base);
    }

    private Logits logits(StreamedCheckpoint checkpoint) {
        try (LanguageModel model = StreamedModel.of(checkpoint.checkpoint().config(), checkpoint::rows)) {
            return Logits.of(model, ids);
        }
    }

    private Logits live(AdapterFiles files) {
        try (LanguageModel model = StreamedModel.of(base.checkpoint().config(), base::rows)) {
            Adapters.of(model).attach("verified", files);
            return Logits.of(model, ids);
        }
    }
}
