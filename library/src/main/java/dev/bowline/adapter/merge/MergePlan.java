package dev.bowline.adapter.merge;

import dev.bowline.BowlineException;
import dev.bowline.BowlineVersion;
import dev.bowline.Fix;
import dev.bowline.adapter.AdaptedModule;
import dev.bowline.adapter.AdapterTargets;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.findings.Finding;
import dev.bowline.audit.findings.Severity;
import dev.bowline.catalog.AutoModelLoad;
import dev.bowline.checkpoint.CheckpointRewrite;
import dev.bowline.checkpoint.SaveReport;
import dev.bowline.checkpoint.SaveReport.Head;
import dev.bowline.files.AtomicDirectory;
import dev.bowline.model.LanguageModel;
import dev.bowline.safetensors.WeightFiles;
import dev.bowline.streamed.StreamedCheckpoint;
import dev.bowline.streamed.StreamedModel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// A merge that was checked and not yet written: the adapter belongs to the base, every tensor of the adapter
/// changes a weight, and no change of one tied module enters a tensor that two modules share. [Merge#plan]
/// makes it.
///
/// Base and adapter are open until it is closed, and must not change.
public final class MergePlan implements AutoCloseable {

    private final Path directory;
    private final StreamedCheckpoint base;
    private final AdapterFiles files;
    private final Arena arena;
    private final MergeOptions options;
    private final LoraConfig config;
    private final BaseIdentity identity;
    private final String adapterHash;
    private final List<AdaptedModule> modules;
    private final MergedWeights weights;

    @SuppressWarnings("MustBeClosed") // this object owns the arena
    MergePlan(Path directory, StreamedCheckpoint base, AdapterFiles files, MergeOptions options) {
        this.directory = directory;
        this.base = base;
        this.options = options;
        config = config(files, options);
        this.files = files.withTieMode(config.tieMode());
        adapterHash = AdapterDigest.of(files.directory());
        MergeRecord.requireUnmerged(directory, adapterHash);
        try (WeightFiles all = WeightFiles.open(directory)) {
            identity = BaseIdentity.of(all);
        }
        files.record().ifPresent(record -> record.requireBase(files.directory().toString(), identity));
        long stored = base.model().vocabularySize();
        base.addRows(AdapterTargets.vocabularySize(base.model(), this.files));
        modules = modules(base, this.files);
        AdapterTargets.requireNewRows(base.model(), modules, stored);
        arena = Arena.ofShared();
        try {
            weights = new MergedWeights(base, AdapterChanges.of(this.files, modules, base, arena), config.tieMode());
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /// A model that can compute reads the file, because the layout of some experts depends on the base's
    /// values.
    private static List<AdaptedModule> modules(StreamedCheckpoint base, AdapterFiles files) {
        try (LanguageModel model = StreamedModel.of(base.config(), base::rows)) {
            return AdapterTargets.inFile(model, files);
        }
    }

    /// The settings with the chosen tie mode, which must not contradict the adapter's own.
    private static LoraConfig config(AdapterFiles files, MergeOptions options) {
        TieMode own = files.config().tieMode();
        TieMode chosen = options.tieMode().orElse(own);
        if (own != TieMode.UNCHOSEN && chosen != own) {
            throw new BowlineException(
                    "the adapter %s was trained with the tie mode %s, and %s is asked for"
                            .formatted(files.directory(), word(own), word(chosen)),
                    Fix.of("leave out the tie mode"));
        }
        return files.config().withTieMode(chosen);
    }

    private static String word(TieMode mode) {
        return mode.name().toLowerCase(java.util.Locale.ROOT);
    }

    /// The modules of the base that change.
    public List<AdaptedModule> modules() {
        return modules;
    }

    /// The head of the result.
    public Head head() {
        return weights.head();
    }

    /// Writes the merged checkpoint whole or not at all.
    ///
    /// Before the directory gets its name, the files are read back, the logits are compared with those of the
    /// adapter on its base, and the result is audited.
    ///
    /// @param target absent or empty
    /// @throws BowlineException if the result differs from the base with the adapter, or its audit finds a
    ///     problem that the base does not have; nothing is left behind
    public MergeReport write(Path target) {
        AtomicDirectory.requireFree(target);
        requireApart(target);
        MergedTensors tensors = new MergedTensors(base, weights, options.dtype());
        CheckpointRewrite rewrite = new CheckpointRewrite(
                base.mapping(), weights.head(), tensors.written(), tensors.dropped(), options.progress());
        LogitsComparison[] logits = new LogitsComparison[1];
        SaveReport save = rewrite.write(target, () -> record().json(), aside -> {
            requireApplied(tensors);
            logits[0] = new LogitsCheck(base, files, weights).require(aside, isRounded(tensors));
            requireClean(aside);
        });
        return new MergeReport(
                directory,
                files.directory(),
                config.tieMode(),
                MergeReport.kinds(weights.all(), tensors.merged()),
                files.tensors().size(),
                tensors.merged().size(),
                logits[0],
                save,
                TieAudit.of(target, audit()));
    }

    private MergeRecord record() {
        String name = files.record().map(AdapterRecord::base).orElse(directory.toString());
        return new MergeRecord(
                BowlineVersion.current(),
                name,
                identity.hash(),
                files.directory().toString(),
                adapterHash,
                config.tieMode(),
                weights.all().size());
    }

    private void requireApart(Path target) {
        Path place = real(target);
        for (Path source : List.of(directory, files.directory())) {
            if (place.startsWith(real(source))) {
                throw new BowlineException(
                        "%s is inside %s, which is read".formatted(target, source), "name a directory outside of it");
            }
        }
    }

    /// The path without symbolic links, of which the last names need not exist.
    private static Path real(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        Path present = absolute;
        while (!Files.exists(present) && present.getParent() != null) {
            present = present.getParent();
        }
        try {
            return present.toRealPath().resolve(present.relativize(absolute)).normalize();
        } catch (IOException _) {
            return absolute;
        }
    }

    /// Every row of every change was written, and every tensor of the adapter's file is part of one.
    private void requireApplied(MergedTensors tensors) {
        Set<String> written = new HashSet<>();
        long rows = 0;
        for (MergedTensor tensor : tensors.merged()) {
            rows += tensor.appliedRows();
            tensor.changes().forEach(change -> written.addAll(change.keys()));
        }
        long expected = weights.all().stream()
                .mapToLong(change -> change.change().count())
                .sum();
        Set<String> changing = new HashSet<>();
        weights.all().forEach(change -> changing.addAll(change.keys()));
        if (rows != expected || !written.equals(changing)) {
            throw new IllegalStateException(
                    "%d rows of %d changes are written, and the adapter has %d; tensors %s and %s"
                            .formatted(rows, weights.all().size(), expected, written, changing));
        }
    }

    private static boolean isRounded(MergedTensors tensors) {
        return tensors.merged().stream().anyMatch(MergedTensor::isRounded);
    }

    /// Refuses a result with a problem that the base does not have.
    private void requireClean(Path aside) {
        TieAudit before = TieAudit.of(directory, audit());
        TieAudit after = TieAudit.of(aside, audit());
        List<Finding> found = after.findings().stream()
                .filter(finding -> finding.severity().isAtLeast(Severity.MEDIUM))
                .filter(finding -> !before.has(finding.code()))
                .toList();
        if (!found.isEmpty()) {
            Finding first = found.getFirst();
            throw new BowlineException(
                    "the merged checkpoint would have %s: %s"
                            .formatted(first.code().id(), first.what()),
                    first.fix().toString());
        }
    }

    private static AuditOptions audit() {
        return AuditOptions.NONE.with(new AutoModelLoad());
    }

    @Override
    public void close() {
        arena.close();
        files.close();
        base.close();
    }
}
