package dev.bowline.cli;

import dev.bowline.report.Quantity;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.Collectors;

/// Shows how far a run is: one line that is drawn over on a terminal, a line a step and a line a save elsewhere.
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

        /// One thing to know, and how soon a narrow screen goes without it: the last first.
        private record Part(int rank, String text) {}

        /// At most 79 columns for runs of fewer than 100,000 steps.
        String text() {
            return text(Integer.MAX_VALUE);
        }

        /// The parts that fit into `room` columns, whole parts only.
        String text(int room) {
            List<Part> parts = parts();
            for (int lastRank = parts.size() - 1; lastRank > 0; lastRank--) {
                String text = joined(parts, lastRank);
                if (text.length() <= room) {
                    return text;
                }
            }
            String least = joined(parts, 0);
            return least.substring(0, Math.min(Math.max(0, room), least.length()));
        }

        private List<Part> parts() {
            String last = Long.toString(steps);
            String padding =
                    " ".repeat(Math.max(0, last.length() - Long.toString(step).length()));
            return List.of(
                    new Part(0, "step %s%d/%s".formatted(padding, step, last)),
                    new Part(1, formatted("loss %6.4f", loss)),
                    new Part(5, formatted("norm %5.3f", gradientNorm)),
                    new Part(4, formatted("lr %7.1e", learningRate)),
                    new Part(3, Quantity.count(Math.round(tokensPerSecond)) + " tok/s"),
                    new Part(2, Quantity.duration(left) + " left"));
        }

        private static String joined(List<Part> parts, int lastRank) {
            return parts.stream()
                    .filter(part -> part.rank() <= lastRank)
                    .map(Part::text)
                    .collect(Collectors.joining("  "));
        }

        private static String formatted(String format, double value) {
            return String.format(Locale.ROOT, format, value);
        }
    }

    private final Console console;
    private int drawnColumns;

    ProgressLine(Console console) {
        this.console = console;
    }

    /// A checkpoint that is being written.
    ///
    /// @param written bytes of tensors, of all of them
    /// @param left an estimate; empty before anything is written
    record Saving(Path directory, long written, long of, Optional<Duration> left) {

        /// Where a line stays: what is to come.
        String announcement() {
            return "saving %s, %s".formatted(directory, Quantity.bytes(of));
        }

        String text(int room) {
            String name = "saving " + directory.getFileName();
            String bytes = "%s  %s of %s".formatted(name, Quantity.bytes(written), Quantity.bytes(of));
            String state = written == of
                    ? "reading back"
                    : left.map(time -> Quantity.duration(time) + " left").orElse("");
            String all = (bytes + "  " + state).strip();
            String text = all.length() <= room ? all : bytes.length() <= room ? bytes : name;
            return text.substring(0, Math.min(Math.max(0, room), text.length()));
        }
    }

    /// Questions that are being answered.
    ///
    /// @param model the name of the model
    record Answering(String model, int answered, int of) {

        String text(int room) {
            String all = "%s  answered %d of %d".formatted(model, answered, of);
            String text = all.length() <= room ? all : "answered %d of %d".formatted(answered, of);
            return text.substring(0, Math.min(Math.max(0, room), text.length()));
        }
    }

    /// On a terminal only.
    void show(Answering answering) {
        console.screen().ifPresent(screen -> draw(screen, answering::text));
    }

    void show(Progress progress) {
        console.screen().ifPresentOrElse(screen -> draw(screen, progress::text), () -> console.note(progress.text()));
    }

    /// Elsewhere than on a terminal, a save is announced once.
    void show(Saving saving) {
        console.screen().ifPresentOrElse(screen -> draw(screen, saving::text), () -> {
            if (saving.written() == 0) {
                console.note(saving.announcement());
            }
        });
    }

    private void draw(Console.Screen screen, IntFunction<String> line) {
        // A line as wide as the screen would wrap on some terminals.
        int room = screen.width().getAsInt() - 1;
        if (drawnColumns > room) {
            // The screen became narrower, and what was drawn has wrapped: only its end could be drawn over.
            close();
        }
        String text = line.apply(room);
        screen.send(RESTART);
        console.err().print(text);
        console.err().flush();
        drawnColumns = text.length();
    }

    /// A line that stays, above the one that is drawn over.
    void note(String line) {
        clear();
        console.note(line);
    }

    /// Leaves nothing on the screen.
    void clear() {
        if (drawnColumns > 0) {
            console.screen().ifPresent(screen -> screen.send(RESTART));
            drawnColumns = 0;
        }
    }

    /// Leaves the last state on the screen.
    @Override
    public void close() {
        if (drawnColumns > 0) {
            console.err().println();
            console.err().flush();
            drawnColumns = 0;
        }
    }
}
