package dev.bowline.cli;

import dev.bowline.recipe.Recipe;
import dev.bowline.report.RunEvaluationText;
import dev.bowline.train.RunEvaluation;
import dev.bowline.train.RunListener;
import dev.bowline.train.StepResult;
import dev.bowline.train.ValidationResult;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/// Shows a run on the console as it happens.
final class LiveProgress implements RunListener, AutoCloseable {

    private final ProgressLine line;
    private final TimeLeft timeLeft;

    /// When the last step, validation or save ended, or the save that is on began.
    private long since = System.nanoTime();

    LiveProgress(Console console, Recipe recipe) {
        line = new ProgressLine(console);
        timeLeft = new TimeLeft(recipe);
    }

    @Override
    public void stepTaken(StepResult step, long lastStep) {
        timeLeft.stepTook(seconds());
        since = System.nanoTime();
        line.show(new ProgressLine.Progress(
                step.step(),
                lastStep,
                step.loss(),
                step.gradNorm(),
                step.learningRate(),
                step.tokensPerSecond(),
                timeLeft.after(step.step(), lastStep)));
    }

    @Override
    public void validated(ValidationResult result) {
        timeLeft.validationTook(seconds());
        since = System.nanoTime();
        line.note(String.format(
                Locale.ROOT,
                "held-out loss %6.4f after step %d, over %,d tokens",
                result.loss(),
                result.step(),
                result.targetTokens()));
    }

    @Override
    public void evaluated(RunEvaluation result) {
        since = System.nanoTime();
        line.note(RunEvaluationText.line(result));
    }

    @Override
    public void saving(Path directory, long written, long of) {
        if (written == 0) {
            since = System.nanoTime();
        }
        double rate = written / seconds();
        Optional<Duration> left = written == 0
                ? Optional.empty()
                : Optional.of(Duration.ofMillis(Math.round((of - written) / rate * 1000)));
        line.show(new ProgressLine.Saving(directory, written, of, left));
    }

    @Override
    public void saved(Path directory) {
        timeLeft.saveTook(seconds());
        since = System.nanoTime();
        line.note("saved " + directory);
    }

    @Override
    public void noted(String sentence) {
        line.note(sentence);
    }

    private double seconds() {
        return (System.nanoTime() - since) / 1e9;
    }

    @Override
    public void close() {
        line.close();
    }
}
