package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.LoadReport;
import dev.bowline.checkpoint.SaveReport;
import dev.bowline.data.Dataset;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.files.RunLock;
import dev.bowline.nn.Parameter;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.TensorScope;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.bytedeco.pytorch.NoGradGuard;

/// The run of a recipe: load, train, validate, save.
///
/// A run prints nothing; a [RunListener] receives its events.
///
/// A run is for one thread, except for [#requestStop].
public final class FineTuningRun implements AutoCloseable {

    private final RecipeFile file;
    private final Recipe recipe;
    private final Pretrained pretrained;
    private final RunWeights weights;
    private final List<String> mapped;
    private final FineTuning tuning;
    private final Optional<RecipeData> heldOut;
    private final RunCheckpoints checkpoints;
    private final Optional<RunLock> lock;
    private final RunRanks ranks;
    private final Optional<RunEvaluator> evaluator;
    private final LocalDate templateDate;
    private final List<String> notes;
    private final AtomicBoolean stopRequested = new AtomicBoolean();

    /// Takes ownership of `pretrained`, `tuning`, `lock` and `evaluator`.
    ///
    /// @param mapped the tensors in mapped files that the model computes with
    FineTuningRun(
            RecipeFile file,
            Pretrained pretrained,
            RunWeights weights,
            List<String> mapped,
            FineTuning tuning,
            Optional<RecipeData> heldOut,
            RunCheckpoints checkpoints,
            Optional<RunLock> lock,
            RunRanks ranks,
            Optional<RunEvaluator> evaluator,
            LocalDate templateDate,
            List<String> notes) {
        this.file = file;
        recipe = file.recipe();
        this.pretrained = pretrained;
        this.weights = weights;
        this.mapped = List.copyOf(mapped);
        this.tuning = tuning;
        this.heldOut = heldOut;
        this.checkpoints = checkpoints;
        this.lock = lock;
        this.ranks = ranks;
        this.evaluator = evaluator;
        this.templateDate = templateDate;
        this.notes = notes;
    }

    /// Loads everything the recipe names, and the training checkpoint it resumes from, if any.
    ///
    /// @throws BowlineException if a value of the recipe is wrong, or if there is too little memory
    public static FineTuningRun open(RecipeFile file) {
        return PreparedRun.of(file).requireMemory().load();
    }

    /// Loads the same as one rank of a run. Every rank loads the same recipe; the first rank writes the logs and the
    /// checkpoints, and its listener alone receives events.
    ///
    /// @param group the ranks, which the caller closes after the run
    /// @throws BowlineException if the ranks do not have the same recipe, data, base, version and number of threads
    public static FineTuningRun open(RecipeFile file, ProcessGroup group) {
        return PreparedRun.of(file, group).requireMemory().load();
    }

    /// Loads a recipe that a program made.
    public static FineTuningRun open(Recipe recipe) {
        return open(RecipeFile.of(recipe));
    }

    /// Loads a recipe with examples that a program made, such as [Dataset#of]. The dataset section of the recipe
    /// gives only the order and the length of rows.
    public static FineTuningRun open(Recipe recipe, Dataset dataset) {
        return PreparedRun.of(RecipeFile.of(recipe), dataset).requireMemory().load();
    }

    public LoadReport loadReport() {
        return pretrained.report();
    }

    /// One sentence for each component that was frozen, and for each group of examples that was cut or left out.
    public List<String> notes() {
        return List.copyOf(notes);
    }

    public FineTuning tuning() {
        return tuning;
    }

    /// The number of elements that the optimizer updates; a tied value counts once.
    public long trainedParameters() {
        return pretrained.model().trainable().values().stream()
                .mapToLong(Parameter::elements)
                .sum();
    }

    /// True for the rank that writes the logs and the checkpoints, and whose listener receives events.
    public boolean isFirstRank() {
        return ranks.isFirst();
    }

    /// The number of ranks; 1 for a run of one process.
    public int worldSize() {
        return ranks.count();
    }

    /// Asks the run to finish its step, save, and end. Any thread may call it.
    public void requestStop() {
        stopRequested.set(true);
    }

    /// Trains to the last step, or to the end of the step in which a stop is requested.
    ///
    /// Every step taken is saved when this method returns or throws, unless checkpoints are disabled or the
    /// save itself failed.
    public RunReport run(RunListener listener) {
        long start = System.nanoTime();
        List<String> allNotes = new ArrayList<>(notes);
        Consumer<String> note = sentence -> {
            allNotes.add(sentence);
            listener.noted(sentence);
        };
        Optional<MlflowLog> mlflow =
                ranks.isFirst() ? MlflowLog.begin(file, tuning.stepsTaken(), System.getenv(), note) : Optional.empty();
        RunListener all = ranks.isFirst() ? withLogs(listener, mlflow, note) : RunListener.silent();
        TrainingLoop loop = new TrainingLoop(
                recipe,
                tuning,
                heldOut,
                new TrainingLoop.Saving(checkpoints, weights, mapped, templateDate),
                stopRequested::get,
                ranks,
                evaluator,
                all);
        try {
            loop.run(this::explained);
        } catch (RuntimeException | Error e) {
            mlflow.ifPresent(MlflowLog::failed);
            throw e;
        }
        RunReport.Outcome outcome =
                tuning.isFinished() || loop.isOver() ? RunReport.Outcome.FINISHED : RunReport.Outcome.STOPPED;
        mlflow.ifPresent(log -> log.ended(outcome));
        allNotes.addAll(loop.notes());
        List<ComponentUpdate> updates = new ArrayList<>();
        if (loop.lastStep().isPresent()) {
            tuning.onFirst(() -> updates.addAll(updates(allNotes, all)));
        }
        return new RunReport(
                outcome,
                loop.lastStep(),
                loop.lastValidation(),
                loop.lastSave().map(SaveReport::directory),
                recipe.peft().map(_ -> pretrained.checkpoint().directory()),
                loop.lastSave()
                        .map(SaveReport::ledger)
                        .orElse(pretrained.report().ledger()),
                allNotes,
                trainedParameters(),
                updates,
                ExpertBalance.over(ranks, tuning.expertBalance()),
                (System.nanoTime() - start) / 1e9);
    }

    /// @param note receives the reason for each log that ends before the run
    private RunListener withLogs(RunListener listener, Optional<MlflowLog> mlflow, Consumer<String> note) {
        MetricsLog metrics = new MetricsLog(recipe.checkpoint().checkpointDir());
        if (tuning.stepsTaken() > 0 || recipe.checkpoint().enabled()) {
            metrics.goOnAfter(tuning.stepsTaken());
        }
        List<RunListener> listeners = new ArrayList<>(List.of(metrics, listener));
        if (recipe.logging().tensorboard()) {
            listeners.add(new TensorBoardLog(recipe.checkpoint().checkpointDir(), tuning.stepsTaken(), note));
        }
        mlflow.ifPresent(listeners::add);
        return new RunListeners(listeners);
    }

    /// @param notes receives the reason if there are no updates
    private List<ComponentUpdate> updates(List<String> notes, RunListener listener) {
        if (pretrained.checkpoint().isRewritten()) {
            String why = "%s was written to after it was loaded, so the change of the weights was not measured"
                    .formatted(pretrained.checkpoint().directory());
            notes.add(why);
            listener.noted(why);
            return List.of();
        }
        return switch (weights) {
            case RunWeights.Model _ -> ComponentUpdate.since(pretrained.checkpoint(), pretrained.model());
            case RunWeights.OfAdapter(RunAdapter adapter) -> AdapterUpdates.of(pretrained.model(), adapter.adapter());
        };
    }

    private NotFiniteException explained(NotFiniteException e) {
        String damaged = tuning.stepsTaken() == 0 ? damagedWeight() : "";
        return !damaged.isEmpty() ? e.inWeight(damaged) : e.withFix(ResumeHint.after(e.step(), file, checkpoints));
    }

    /// Every rank is here: all have the same loss.
    private String damagedWeight() {
        StringBuilder name = new StringBuilder();
        tuning.onFirst(() -> firstNotFinite().ifPresent(name::append));
        return ranks.first(name::toString);
    }

    /// The first weight with a value that is not finite.
    private Optional<String> firstNotFinite() {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            return pretrained.model().parameters().entrySet().stream()
                    .filter(entry -> entry.getValue().isMaterialized())
                    .filter(entry ->
                            !Double.isFinite(entry.getValue().value().sum().item_double()))
                    .filter(entry -> !entry.getValue().value().isfinite().all().item_bool())
                    .map(Map.Entry::getKey)
                    .findFirst();
        }
    }

    @Override
    public void close() {
        evaluator.ifPresent(RunEvaluator::close);
        tuning.close();
        pretrained.close();
        lock.ifPresent(RunLock::close);
    }
}
