package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.SaveReport;
import dev.bowline.recipe.Recipe;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/// Steps, validations and saves, in turn, until the last step or a stop request.
///
/// A loop that ends has saved its last step, whether it finished, was asked to stop or failed, unless
/// checkpoints are disabled or the save itself failed.
final class TrainingLoop {

    private final Recipe recipe;
    private final FineTuning tuning;
    private final Optional<RecipeData> heldOut;
    private final Saving saving;
    private final BooleanSupplier stopRequested;
    private final RunRanks ranks;
    private final Optional<RunEvaluator> evaluator;
    private final RunListener listener;
    private final List<String> notes = new ArrayList<>();
    private long savedSteps;
    private boolean saveFailed;
    private Optional<StepResult> lastStep = Optional.empty();
    private Optional<ValidationResult> lastValidation = Optional.empty();
    private Optional<SaveReport> lastSave = Optional.empty();

    /// The checkpoints that the loop saves.
    ///
    /// @param weights those that the run trains
    /// @param mapped the tensors in the mapped files of the source that the model computes with
    /// @param templateDate the current date for chat templates
    record Saving(RunCheckpoints checkpoints, RunWeights weights, List<String> mapped, LocalDate templateDate) {

        /// Refuses to compute with a frozen weight, or to save it, after a write to its file.
        void requireIntact() {
            weights.source().requireNotRewritten(mapped);
        }
    }

    /// @param tuning the fine-tuning in the state that the run was opened with, which is already saved
    TrainingLoop(
            Recipe recipe,
            FineTuning tuning,
            Optional<RecipeData> heldOut,
            Saving saving,
            BooleanSupplier stopRequested,
            RunRanks ranks,
            Optional<RunEvaluator> evaluator,
            RunListener listener) {
        this.recipe = recipe;
        this.tuning = tuning;
        this.heldOut = heldOut;
        this.saving = saving;
        this.stopRequested = stopRequested;
        this.ranks = ranks;
        this.evaluator = evaluator;
        this.listener = listener;
        savedSteps = tuning.stepsTaken();
    }

    Optional<StepResult> lastStep() {
        return lastStep;
    }

    Optional<ValidationResult> lastValidation() {
        return lastValidation;
    }

    Optional<SaveReport> lastSave() {
        return lastSave;
    }

    /// One sentence for each part of the run that was left out.
    List<String> notes() {
        return notes;
    }

    /// @param explained adds the way to continue to the error of a step that was not finite
    void run(UnaryOperator<NotFiniteException> explained) {
        try {
            evaluator.ifPresent(each -> each.evaluateBase(tuning, stopRequested, listener::evaluated));
            noteEarlyEnd();
            while (!tuning.isFinished() && !isOver() && !ranks.any(stopRequested.getAsBoolean())) {
                step();
                Optional<ValidationResult> validation = validateIfDue();
                evaluateIfDue();
                if (isDue(recipe.stepScheduler().ckptEverySteps())) {
                    save(validation);
                }
            }
            save(Optional.empty());
        } catch (NotFiniteException e) {
            NotFiniteException withFix = explained.apply(e);
            throw saveAfter(withFix)
                    .map(saved -> withFix.withSaved(saved.directory()))
                    .orElse(withFix);
        } catch (RuntimeException | OutOfMemoryError e) {
            // Only one of several ranks may be here, and a save needs all of them.
            if (ranks.isAlone()) {
                saveAfter(e);
            }
            throw e;
        }
    }

    private void step() {
        saving.requireIntact();
        StepResult step = tuning.step();
        lastStep = Optional.of(step);
        listener.stepTaken(step, tuning.plan().lastStep());
    }

    /// A requested stop ends a validation or prevents it: the time left is for saving.
    private Optional<ValidationResult> validateIfDue() {
        if (heldOut.isEmpty() || !isDue(recipe.stepScheduler().valEverySteps())) {
            return Optional.empty();
        }
        saving.requireIntact();
        Optional<ValidationResult> validation = tuning.validateUnless(
                ranks.isAlone() ? stopRequested : () -> false, heldOut.get().rows());
        validation.ifPresentOrElse(
                result -> {
                    lastValidation = validation;
                    listener.validated(result);
                },
                () -> note("the run was asked to stop, so the held-out loss after step %d was not measured"
                        .formatted(tuning.stepsTaken())));
        return validation;
    }

    private void evaluateIfDue() {
        if (evaluator.isEmpty() || !isDue(evaluator.get().section().everySteps())) {
            return;
        }
        saving.requireIntact();
        evaluator.get().evaluateAfterStep(tuning, stopRequested, listener::evaluated);
        if (stopRequested.getAsBoolean()) {
            note("the run was asked to stop, so the answers after step %d were not evaluated"
                    .formatted(tuning.stepsTaken()));
        }
        if (evaluator.get().hasSkipped()) {
            note("an evaluation was left out, because evaluations took %s of the time (evaluate.max_share)"
                    .formatted(evaluator.get().section().maxShare()));
        }
        noteEarlyEnd();
    }

    private void noteEarlyEnd() {
        if (isOver() && !tuning.isFinished()) {
            note("the run ends early, after step %d: %s is not better since %d evaluations; raise"
                            .formatted(
                                    tuning.stepsTaken(),
                                    evaluator.get().section().keepBest().orElseThrow(),
                                    evaluator.get().progress().withoutGain())
                    + " evaluate.early_stopping_patience to train on");
        }
    }

    /// True if the scores end the run before its last step.
    boolean isOver() {
        return evaluator.filter(RunEvaluator::isOver).isPresent();
    }

    private boolean isDue(Optional<Integer> every) {
        return tuning.isFinished() || every.isPresent() && tuning.stepsTaken() % every.get() == 0;
    }

    private boolean isUnsaved() {
        return recipe.checkpoint().enabled() && tuning.stepsTaken() > savedSteps;
    }

    private void save(Optional<ValidationResult> validation) {
        if (isUnsaved()) {
            saveFailed = true;
            saving.requireIntact();
            Optional<SaveReport> saved = saving.checkpoints()
                    .save(tuning, saving.weights(), saving.templateDate(), validation, evaluator, listener);
            saveFailed = false;
            savedSteps = tuning.stepsTaken();
            saved.ifPresent(report -> {
                saved(report);
                listener.saved(report.directory());
            });
        }
    }

    private void saved(SaveReport report) {
        lastSave = Optional.of(report);
        report.notes().forEach(this::note);
    }

    /// Each note is reported once, not at every save.
    private void note(String sentence) {
        if (!notes.contains(sentence)) {
            notes.add(sentence);
            listener.noted(sentence);
        }
    }

    /// Saves the steps before a failure and removes no older checkpoint: the weights of these steps may be the
    /// cause of the failure.
    private Optional<SaveReport> saveAfter(Throwable failure) {
        if (!isUnsaved() || saveFailed || !tuning.isBetweenSteps()) {
            return Optional.empty();
        }
        try {
            saving.requireIntact();
            Optional<SaveReport> report =
                    saving.checkpoints().saveKeepingAll(tuning, saving.weights(), saving.templateDate(), evaluator);
            savedSteps = tuning.stepsTaken();
            report.ifPresent(this::saved);
            return report;
        } catch (BowlineException e) {
            failure.addSuppressed(e);
            return Optional.empty();
        }
    }
}
