package dev.bowline.cli;

import dev.bowline.report.Quantity;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/// Shows how far a run is: one line that is drawn over on a terminal, a line a step elsewhere.
final class ProgressLine implements AutoCloseable {

    private static final String RESTART = "\r\u001b[K";

    /// Where a run is after a step.
    ///
    /// @param left an estimate
    record Progress(
            long step,
            long steps,
            double loss,
            double gradientNorm,
            double learningRate,
            double tokensPerSecond,
            Duration left) {

        /// At most 79 columns for runs of fewer than 100,000 steps.
        String text() {
            String steps = Long.toString(this.steps);
            String count =
                    " ".repeat(Math.max(0, steps.length() - Long.toString(step).length())) + step;
            return String.format(
                    Locale.ROOT,
                    "step %s/%s  loss %6.4f  norm %5.3f  lr %7.1e  %s tok/s  %s left",
                    count,
                    steps,
                    loss,
                    gradientNorm,
                    learningRate,
                    Quantity.count(Math.round(tokensPerSecond)),
                    Quantity.duration(left));
        }
    }

    private final Console console;
    private boolean drawn;

    ProgressLine(Console console) {
        this.console = console;
    }

    void show(Progress progress) {
        Optional<Console.Screen> screen = console.screen();
        if (screen.isEmpty()) {
            console.note(progress.text());
            return;
        }
        // A line as wide as the screen would wrap on some terminals.
        int room = Math.max(0, screen.get().width() - 1);
        String text = progress.text();
        console.err().print(RESTART + text.substring(0, Math.min(room, text.length())));
        console.err().flush();
        drawn = true;
    }

    /// A line that stays, above the one that is drawn over.
    void note(String line) {
        clear();
        console.note(line);
    }

    private void clear() {
        if (drawn) {
            console.err().print(RESTART);
            drawn = false;
        }
    }

    /// Leaves the last state on the screen.
    @Override
    public void close() {
        if (drawn) {
            console.err().println();
            console.err().flush();
            drawn = false;
        }
    }
}
