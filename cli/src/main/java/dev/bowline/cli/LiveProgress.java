package dev.bowline.cli;

import dev.bowline.train.RunListener;
import dev.bowline.train.StepResult;
import dev.bowline.train.ValidationResult;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;

/// Shows a run on the console as it happens.
final class LiveProgress implements RunListener, AutoCloseable {

    private final ProgressLine line;
    private final long start = System.nanoTime();
    private long stepsSeen;

    LiveProgress(Console console) {
        line = new ProgressLine(console);
    }

    @Override
    public void stepTaken(StepResult step, long lastStep) {
        stepsSeen++;
        // Over the whole run, so that validation and saving count.
        double secondsPerStep = (System.nanoTime() - start) / 1e9 / stepsSeen;
        long millisLeft = Math.round(secondsPerStep * (lastStep - step.step()) * 1000);
        line.show(new ProgressLine.Progress(
                step.step(),
                lastStep,
                step.loss(),
                step.gradNorm(),
                step.learningRate(),
                step.tokensPerSecond(),
                Duration.ofMillis(millisLeft)));
    }

    @Override
    public void validated(ValidationResult result) {
        line.note(String.format(
                Locale.ROOT,
                "held-out loss %6.4f after step %d, over %,d tokens",
                result.loss(),
                result.step(),
                result.targetTokens()));
    }

    @Override
    public void saved(Path directory) {
        line.note("saved " + directory);
    }

    @Override
    public void noted(String sentence) {
        line.note(sentence);
    }

    @Override
    public void close() {
        line.close();
    }
}
