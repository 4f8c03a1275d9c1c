package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.checkpoint.SaveProgress;
import dev.bowline.checkpoint.SaveReport;
import dev.bowline.checkpoint.StateSource;
import dev.bowline.checkpoint.StateToSave;
import dev.bowline.checkpoint.TrainingCheckpoint;
import dev.bowline.checkpoint.TrainingCheckpoints;
import dev.bowline.checkpoint.TrainingState;
import dev.bowline.evaluate.EvaluationMetric;
import dev.bowline.files.RunLock;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.optim.WholeState;
import dev.bowline.recipe.CheckpointSection;
import dev.bowline.recipe.CheckpointSection.LastCheckpoint;
import dev.bowline.recipe.CheckpointSection.RestoreFrom;
import dev.bowline.recipe.PeftSection;
import dev.bowline.safetensors.PeftAdapter;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The training checkpoints of one run: the one it resumes from, and those it saves.
final class RunCheckpoints {

    private static final String TEMPLATE_DATE = "chat_template_date";
    private static final String PEFT = "peft";
    private static final String EVALUATION = "evaluation";

    private final CheckpointSection section;
    private final TrainingCheckpoints checkpoints;
    private final CheckpointDirectory directory;
    private final RecipeKeyError error;
    private final Optional<Path> resumedFrom;
    private final RunRanks ranks;
    private final Set<Path> written = new HashSet<>();

    private RunCheckpoints(
            CheckpointSection section, CheckpointDirectory directory, Optional<Path> resumedFrom, RunRanks ranks) {
        this.section = section;
        this.ranks = ranks;
        this.directory = directory;
        error = directory.error();
        checkpoints = directory.checkpoints();
        this.resumedFrom = resumedFrom;
    }

    /// @throws BowlineException if there is nothing to resume from, if nothing can be written, if a fresh run would
    ///     write into the directory of another run, or if another run writes there now
    ///
    /// @param judge the score by which a checkpoint is the best; empty for the validation loss
    static RunCheckpoints of(
            CheckpointSection section, Optional<EvaluationMetric> judge, RecipeKeyError error, RunRanks ranks) {
        TrainingCheckpoints byLoss = TrainingCheckpoints.in(
                section.checkpointDir(), section.maxRecentCheckpoints().orElse(Integer.MAX_VALUE));
        TrainingCheckpoints checkpoints =
                judge.map(metric -> byLoss.judgedBy(metric.text())).orElse(byLoss);
        CheckpointDirectory directory = new CheckpointDirectory(section.checkpointDir(), checkpoints, error);
        // The first rank decides: a checkpoint may be new between the looks of two ranks.
        String resumed = ranks.first(() -> {
            RunLock.requireFree(section.checkpointDir());
            Optional<Path> from = resumedFrom(section, directory);
            if (from.isEmpty() && section.enabled()) {
                directory.requireUnused();
            }
            directory.requireWritable();
            return from.map(Path::toString).orElse("");
        });
        return new RunCheckpoints(
                section, directory, resumed.isEmpty() ? Optional.empty() : Optional.of(Path.of(resumed)), ranks);
    }

    private static Optional<Path> resumedFrom(CheckpointSection section, CheckpointDirectory directory) {
        return section.restoreFrom().flatMap(from -> switch (from) {
            case RestoreFrom.Latest _ -> Optional.of(directory.requireLatest());
            case RestoreFrom.Auto _ -> directory.checkpoints().latest();
            case RestoreFrom.Directory(Path path) -> Optional.of(directory.requireTrainingCheckpoint(path));
        });
    }

    /// Locks the directory for this run, and removes incomplete checkpoints of a killed run.
    ///
    /// @return the lock, which the first rank holds for all; the caller closes it when the run has ended
    /// @throws BowlineException if another run holds the lock, if another run saved there since this object was
    ///     made, or if the directory is not the same one for all ranks
    Optional<RunLock> begin() {
        List<RunLock> locks = new ArrayList<>(1);
        try {
            ranks.first(() -> {
                locks.add(RunLock.acquire(section.checkpointDir()));
                requireUnused();
                checkpoints.clean();
                return "";
            });
            ranks.requireShared(section.checkpointDir());
            return locks.stream().findFirst();
        } catch (RuntimeException e) {
            locks.forEach(RunLock::close);
            throw e;
        }
    }

    /// A fresh run must not mix its checkpoints with the checkpoints of another run.
    private void requireUnused() {
        if (resumedFrom.isEmpty() && section.enabled()) {
            directory.requireUnused();
        }
    }

    /// The training checkpoint that the run resumes from.
    Optional<Path> resumedFrom() {
        return resumedFrom;
    }

    /// Restores the state of a fine-tuning whose model already has the weights of the checkpoint.
    ///
    /// @return one sentence for each difference from the run that saved the checkpoint
    List<String> restore(FineTuning tuning, RunWeights weights) {
        if (resumedFrom.isEmpty()) {
            return List.of();
        }
        try (TensorScope _ = TensorScope.open();
                TrainingCheckpoint saved = open(resumedFrom.get(), weights)) {
            saved.restoreAdapter(tuning.model());
            TrainingState state = saved.state(tuning.model());
            tuning.restore(state.state(), state.tensors());
            return changes(state, tuning);
        }
    }

    private static TrainingCheckpoint open(Path directory, RunWeights weights) {
        return switch (weights) {
            case RunWeights.Model _ -> TrainingCheckpoint.open(directory);
            case RunWeights.OfAdapter(RunAdapter adapter) -> {
                adapter.requireSame(directory);
                yield TrainingCheckpoint.ofAdapter(directory, adapter.base());
            }
        };
    }

    /// Refuses to resume an adapter as a model, and the other way round.
    void requireKind(Optional<PeftSection> peft) {
        if (resumedFrom.isEmpty()) {
            return;
        }
        boolean isAdapter = PeftAdapter.find(resumedFrom.get()).isPresent();
        if (isAdapter && peft.isEmpty()) {
            throw error.of(
                    "checkpoint.restore_from",
                    "%s holds an adapter, and the recipe has no section peft".formatted(resumedFrom.get()),
                    "resume with the section peft that the run began with");
        }
        if (!isAdapter && peft.isPresent()) {
            throw error.of(
                    "checkpoint.restore_from",
                    "%s holds a model, and the recipe has a section peft".formatted(resumedFrom.get()),
                    "start a new run with %s as model.pretrained_model_name_or_path".formatted(resumedFrom.get()));
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

    /// The newest checkpoint of this run whose weights gave a later step a finite loss; if there is none, the
    /// newest checkpoint of this run.
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

    /// @param proven true if the loss of a later step was finite
    record Good(Path directory, boolean proven) {}

    /// True if this run wrote the checkpoint or continues it. False for a later checkpoint of an earlier run, if
    /// this run resumed from an older step.
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

    /// The date that chat templates had when the run began, if the run resumes from a checkpoint with that date.
    Optional<LocalDate> templateDate() {
        return resumedFrom.flatMap(directory -> Json.parse(directory.resolve(TrainingState.FILE_NAME))
                .asObject()
                .optionalObject("state")
                .flatMap(state -> state.optionalString(TEMPLATE_DATE))
                .map(LocalDate::parse));
    }

    /// The evaluations of the run before it was resumed.
    EvaluationProgress evaluation() {
        return resumedFrom
                .flatMap(directory -> Json.parse(directory.resolve(TrainingState.FILE_NAME))
                        .asObject()
                        .optionalObject("state")
                        .flatMap(state -> state.optionalObject(EVALUATION)))
                .map(EvaluationProgress::of)
                .orElse(EvaluationProgress.NONE);
    }

    /// Saves a checkpoint, which the first rank writes.
    ///
    /// @param templateDate the current date for chat templates
    /// @param evaluator that decides which checkpoint is the best, if it has a score for that
    /// @return empty on the other ranks, when the checkpoint is complete
    Optional<SaveReport> save(
            FineTuning tuning,
            RunWeights weights,
            LocalDate templateDate,
            Optional<ValidationResult> validation,
            Optional<RunEvaluator> evaluator,
            RunListener listener) {
        Optional<RunEvaluator> judge =
                evaluator.filter(each -> each.section().keepBest().isPresent());
        OptionalDouble ofValidation = section.keepBest() && validation.isPresent()
                ? OptionalDouble.of(validation.get().loss())
                : OptionalDouble.empty();
        OptionalDouble metric = judge.isPresent() ? judge.get().metric(tuning.stepsTaken()) : ofValidation;
        Path target = section.checkpointDir().resolve("step_" + tuning.stepsTaken());
        SaveProgress progress = (written, of) -> listener.saving(target, written, of);
        return saveFirst(checkpoints, tuning, new Saved(weights, progress, templateDate, metric, evaluator));
    }

    /// Saves a checkpoint and removes no older one.
    Optional<SaveReport> saveKeepingAll(
            FineTuning tuning, RunWeights weights, LocalDate templateDate, Optional<RunEvaluator> evaluator) {
        TrainingCheckpoints keepingAll = TrainingCheckpoints.in(section.checkpointDir(), Integer.MAX_VALUE);
        return saveFirst(
                keepingAll,
                tuning,
                new Saved(weights, SaveProgress.silent(), templateDate, OptionalDouble.empty(), evaluator));
    }

    /// A checkpoint to save.
    private record Saved(
            RunWeights weights,
            SaveProgress progress,
            LocalDate templateDate,
            OptionalDouble metric,
            Optional<RunEvaluator> evaluator) {}

    private Optional<SaveReport> saveFirst(TrainingCheckpoints into, FineTuning tuning, Saved saved) {
        List<SaveReport> reports = new ArrayList<>(1);
        boolean isWeightsOnly = tuning.isFinished() && section.last() == LastCheckpoint.WEIGHTS_ONLY;
        boolean withOptimizer = section.saveOptimizer() && !isWeightsOnly;
        ranks.firstOf(tuning, () -> {
            List<StateSource> optimizer = withOptimizer ? sources(tuning.wholeOptimizerState()) : List.of();
            reports.add(save(into, tuning, saved, optimizer));
            return "";
        });
        return reports.stream().findFirst();
    }

    private static List<StateSource> sources(WholeState state) {
        return state.tensors().entrySet().stream()
                .map(each -> new StateSource(
                        each.getKey(),
                        each.getValue().dtype(),
                        each.getValue().shape(),
                        pieces -> state.read(each.getKey(), pieces)))
                .toList();
    }

    /// @param optimizer whole state tensors; empty if they are not saved
    private SaveReport save(TrainingCheckpoints into, FineTuning tuning, Saved saved, List<StateSource> optimizer) {
        JsonObject dated =
                tuning.progress().with(TEMPLATE_DATE, saved.templateDate().toString());
        JsonObject progress = saved.evaluator()
                .map(evaluator -> dated.with(EVALUATION, evaluator.progress().json()))
                .orElse(dated);
        int step = Math.toIntExact(tuning.stepsTaken());
        SaveReport report = switch (saved.weights()) {
            case RunWeights.Model(Checkpoint source) ->
                into.save(
                        step,
                        tuning.model(),
                        SaveOptions.like(source)
                                .shardedAt(section.maxShardBytes())
                                .reportingTo(saved.progress()),
                        new StateToSave(optimizer, progress),
                        saved.metric());
            case RunWeights.OfAdapter(RunAdapter adapter) ->
                into.saveAdapter(
                        step,
                        tuning.model(),
                        adapter.save(saved.progress()),
                        new StateToSave(optimizer, progress.with(PEFT, adapter.settings())),
                        saved.metric());
        };
        written.add(report.directory());
        return report;
    }
}
