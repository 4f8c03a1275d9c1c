package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.checkpoint.SaveReport;
import dev.bowline.checkpoint.TrainingCheckpoint;
import dev.bowline.checkpoint.TrainingCheckpoints;
import dev.bowline.checkpoint.TrainingState;
import dev.bowline.files.RunLock;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.CheckpointSection;
import dev.bowline.recipe.CheckpointSection.LastCheckpoint;
import dev.bowline.recipe.CheckpointSection.RestoreFrom;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/// The training checkpoints of one run: the one it resumes from, and those it saves.
final class RunCheckpoints {

    private static final String TEMPLATE_DATE = "chat_template_date";

    /// Entries of a checkpoint directory that are neither logs nor checkpoints. The last is in the root of many file
    /// systems.
    private static final Set<String> OF_A_RUN = Set.of(RunLock.FILE_NAME, TrainingCheckpoints.LATEST, "lost+found");

    private final CheckpointSection section;
    private final TrainingCheckpoints checkpoints;
    private final Optional<Path> resumedFrom;
    private final Refusal wrong;
    private final Set<Path> written = new HashSet<>();

    private RunCheckpoints(
            CheckpointSection section, TrainingCheckpoints checkpoints, Optional<Path> resumedFrom, Refusal wrong) {
        this.section = section;
        this.checkpoints = checkpoints;
        this.resumedFrom = resumedFrom;
        this.wrong = wrong;
    }

    /// Makes the error of a recipe key, with its position in the file.
    @FunctionalInterface
    interface Refusal {
        BowlineException of(String key, String problem, Fix fix);

        default BowlineException of(String key, String problem, String fix) {
            return of(key, problem, Fix.of(fix));
        }
    }

    /// @throws BowlineException if there is nothing to resume from, or nothing can be written, or a fresh run would
    ///     write into another's directory, or another run writes there now
    static RunCheckpoints of(CheckpointSection section, Refusal wrong) {
        RunLock.requireFree(section.checkpointDir());
        TrainingCheckpoints checkpoints = TrainingCheckpoints.in(
                section.checkpointDir(), section.maxRecentCheckpoints().orElse(Integer.MAX_VALUE));
        Optional<Path> resumedFrom = section.restoreFrom().flatMap(from -> switch (from) {
            case RestoreFrom.Latest _ ->
                Optional.of(checkpoints
                        .latest()
                        .orElseThrow(() -> wrong.of(
                                "checkpoint.restore_from",
                                "%s has no training checkpoint to resume from".formatted(section.checkpointDir()),
                                "remove checkpoint.restore_from to start afresh, or write auto, which starts afresh"
                                        + " where there is no checkpoint")));
            case RestoreFrom.Auto _ -> checkpoints.latest();
            case RestoreFrom.Directory(Path path) -> Optional.of(requireTraining(path, wrong));
        });
        RunCheckpoints run = new RunCheckpoints(section, checkpoints, resumedFrom, wrong);
        run.requireUnused();
        requireWritable(section.checkpointDir(), wrong);
        return run;
    }

    /// Takes the directory for this run, and removes what a run that was killed left half-written.
    ///
    /// @return to be closed when the run has ended
    /// @throws BowlineException if another run has the directory, or saved there since this object was made
    RunLock begin() {
        RunLock lock = RunLock.acquire(section.checkpointDir());
        try {
            requireUnused();
            checkpoints.clean();
            return lock;
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /// A fresh run must not mix its checkpoints with others. What its own earlier attempt left before it saved is not
    /// in its way.
    private void requireUnused() {
        if (resumedFrom.isPresent() || !section.enabled() || !Files.isDirectory(section.checkpointDir())) {
            return;
        }
        String directory = "checkpoint.checkpoint_dir " + section.checkpointDir();
        if (!checkpoints.list().isEmpty()) {
            throw wrong.of(
                    "checkpoint.checkpoint_dir",
                    "%s is not empty: it has the checkpoints of a run".formatted(directory),
                    Fix.of("name another directory, or resume the run there: ")
                            .and(new Remedy.Assign("checkpoint.restore_from=LATEST")));
        }
        foreign(section.checkpointDir()).ifPresent(name -> {
            throw wrong.of(
                    "checkpoint.checkpoint_dir",
                    "%s is not empty: it holds %s".formatted(directory, name),
                    "name another directory, or move that away");
        });
    }

    /// Something that no run left.
    private static Optional<String> foreign(Path directory) {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> entry.getFileName().toString())
                    .filter(name -> !OF_A_RUN.contains(name)
                            && !MetricsLog.isLog(name)
                            && !TrainingCheckpoints.isLeftover(name))
                    .min(Comparator.naturalOrder());
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(directory, e.getMessage()),
                    "point checkpoint.checkpoint_dir at a directory you may read and write",
                    e);
        }
    }

    private static Path requireTraining(Path directory, Refusal wrong) {
        if (!Files.isRegularFile(directory.resolve(TrainingState.FILE_NAME))) {
            throw wrong.of(
                    "checkpoint.restore_from",
                    "%s is not a training checkpoint: it has no %s".formatted(directory, TrainingState.FILE_NAME),
                    "name a step_N directory of a run; a model to start from is model.pretrained_model_name_or_path");
        }
        return directory;
    }

    /// The training log is written there even when nothing is saved.
    private static void requireWritable(Path directory, Refusal wrong) {
        Path there = directory.toAbsolutePath();
        while (Files.notExists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        if (!Files.isWritable(there)) {
            throw wrong.of(
                    "checkpoint.checkpoint_dir",
                    "checkpoint.checkpoint_dir %s cannot be written: %s is read-only".formatted(directory, there),
                    "name a directory you may write to");
        }
    }

    /// The training checkpoint that the run resumes from.
    Optional<Path> resumedFrom() {
        return resumedFrom;
    }

    /// Gives a fine-tuning, whose model holds the checkpoint's weights, the rest of its state.
    ///
    /// @return what is not as it was, a sentence each
    List<String> restore(FineTuning tuning) {
        if (resumedFrom.isEmpty()) {
            return List.of();
        }
        try (TensorScope _ = TensorScope.open();
                TrainingCheckpoint saved = TrainingCheckpoint.open(resumedFrom.get())) {
            saved.restoreAdapter(tuning.model());
            TrainingState state = saved.state(tuning.model());
            tuning.restore(state.state(), state.tensors());
            return changes(state, tuning);
        }
    }

    private List<String> changes(TrainingState saved, FineTuning tuning) {
        List<String> changes = new ArrayList<>();
        Path directory = resumedFrom.orElseThrow();
        Optional<JsonObject> before = saved.state().optionalObject(FineTuning.SCHEDULER);
        if (before.isPresent() && !tuning.keepsRates(before.get())) {
            changes.add("the learning rate does not continue that of %s: it was %s, now it is %s"
                    .formatted(
                            directory,
                            Json.compact(before.get()),
                            Json.compact(tuning.progress().requireObject(FineTuning.SCHEDULER))));
        }
        if (saved.tensors().isEmpty() && !tuning.isFinished()) {
            changes.add(
                    "%s was saved without the optimizer's state, so its moments start at zero".formatted(directory));
        }
        if (tuning.isFinished()) {
            changes.add(
                    ("no step is left to take: %s is at step %d, and the recipe's last step is %d; to train on, raise"
                                    + " step_scheduler.max_steps or num_epochs")
                            .formatted(
                                    directory,
                                    tuning.stepsTaken(),
                                    tuning.plan().lastStep()));
        }
        return changes;
    }

    /// The newest checkpoint of this run whose weights gave a later step a finite loss. Without one, the newest there
    /// is.
    ///
    /// @param failed the step whose loss was not finite
    Optional<Good> lastGood(long failed) {
        List<Good> before = new ArrayList<>();
        resumedFrom.ifPresent(path -> before.add(new Good(path, failed > stepOf(path) + 1)));
        checkpoints.list().stream()
                .filter(saved -> saved.step() < failed && isOfThisRun(saved))
                .forEach(saved -> before.add(new Good(saved.directory(), failed > saved.step() + 1)));
        return before.stream()
                .filter(Good::proven)
                .reduce((_, newer) -> newer)
                .or(() -> before.stream().reduce((_, newer) -> newer));
    }

    /// @param proven whether a later step's loss was finite
    record Good(Path directory, boolean proven) {}

    /// Not left by a run that went further before this one went back to an older step.
    private boolean isOfThisRun(TrainingCheckpoints.Saved saved) {
        boolean cameBefore = resumedFrom.isPresent()
                && saved.step() <= stepOf(resumedFrom.get())
                && Objects.equals(parent(saved.directory()), parent(resumedFrom.get()));
        return cameBefore || written.contains(saved.directory());
    }

    private static @Nullable Path parent(Path path) {
        return path.toAbsolutePath().normalize().getParent();
    }

    private static int stepOf(Path directory) {
        return Json.parse(directory.resolve(TrainingState.FILE_NAME)).asObject().requireInt("step");
    }

    /// The day that chat templates were told when the run began, if the run resumes from a checkpoint that has it.
    Optional<LocalDate> templateDate() {
        return resumedFrom.flatMap(directory -> Json.parse(directory.resolve(TrainingState.FILE_NAME))
                .asObject()
                .optionalObject("state")
                .flatMap(state -> state.optionalString(TEMPLATE_DATE))
                .map(LocalDate::parse));
    }

    /// @param templateDate the day that chat templates were told
    SaveReport save(
            FineTuning tuning,
            Checkpoint source,
            LocalDate templateDate,
            Optional<ValidationResult> validation,
            RunListener listener) {
        OptionalDouble metric = section.keepBest() && validation.isPresent()
                ? OptionalDouble.of(validation.get().loss())
                : OptionalDouble.empty();
        Path target = section.checkpointDir().resolve("step_" + tuning.stepsTaken());
        SaveOptions options = options(source).reportingTo((written, of) -> listener.saving(target, written, of));
        return save(checkpoints, tuning, options, templateDate, metric);
    }

    /// Saves besides those that are there: none is removed.
    SaveReport saveBesides(FineTuning tuning, Checkpoint source, LocalDate templateDate) {
        TrainingCheckpoints keepingAll = TrainingCheckpoints.in(section.checkpointDir(), Integer.MAX_VALUE);
        return save(keepingAll, tuning, options(source), templateDate, OptionalDouble.empty());
    }

    private SaveOptions options(Checkpoint source) {
        return SaveOptions.like(source).shardedAt(section.maxShardBytes());
    }

    private SaveReport save(
            TrainingCheckpoints into,
            FineTuning tuning,
            SaveOptions options,
            LocalDate templateDate,
            OptionalDouble metric) {
        boolean isWeightsOnly = tuning.isFinished() && section.last() == LastCheckpoint.WEIGHTS_ONLY;
        Map<String, Tensor> optimizer = section.saveOptimizer() && !isWeightsOnly ? tuning.optimizerState() : Map.of();
        SaveReport report = into.save(
                Math.toIntExact(tuning.stepsTaken()),
                tuning.model(),
                options,
                new TrainingState(
                        new LinkedHashMap<>(optimizer), tuning.progress().with(TEMPLATE_DATE, templateDate.toString())),
                metric);
        written.add(report.directory());
        return report;
    }
}
