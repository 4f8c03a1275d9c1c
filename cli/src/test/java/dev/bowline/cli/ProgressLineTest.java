package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The line shows what there is room for, whole, on one line of the screen, whatever becomes of the screen.
class ProgressLineTest {

    private static final String RESTART = "\r\u001b[K";

    private final StringWriter err = new StringWriter();
    private final AtomicInteger width = new AtomicInteger(80);
    private final Console terminal = console(Optional.of(new Console.Screen(width::get, new PrintWriter(err))));

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "10  | step   42",
                "20  | step   42/1000",
                "40  | step   42/1000  loss 1.2345",
                "43  | step   42/1000  loss 1.2345  3 m 05 s left",
                "60  | step   42/1000  loss 1.2345  1,234 tok/s  3 m 05 s left",
                "80  | step   42/1000  loss 1.2345  norm 0.250  lr 1.0e-03  1,234 tok/s  3 m 05 s left",
                "120 | step   42/1000  loss 1.2345  norm 0.250  lr 1.0e-03  1,234 tok/s  3 m 05 s left",
                "200 | step   42/1000  loss 1.2345  norm 0.250  lr 1.0e-03  1,234 tok/s  3 m 05 s left"
            })
    void aNarrowScreenGoesWithoutWhatMattersLeast(int columns, String expected) {
        width.set(columns);

        new ProgressLine(terminal).show(progress(42));

        assertEquals(RESTART + expected, err.toString());
        assertTrue(err.toString().length() - RESTART.length() < columns, err.toString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"8 | answere", "20 | answered 12 of 40", "80 | runs/step_200  answered 12 of 40"})
    void answersAreCountedAndLeaveNothing(int columns, String expected) {
        width.set(columns);

        try (ProgressLine line = new ProgressLine(terminal)) {
            line.show(new ProgressLine.Answering("runs/step_200", 12, 40));
            line.clear();
        }

        assertEquals(RESTART + expected + RESTART, err.toString());
    }

    @Test
    void eachStepIsDrawnOverTheLast() {
        try (ProgressLine line = new ProgressLine(terminal)) {
            line.show(progress(1));
            line.show(progress(2));
        }

        assertEquals(2, err.toString().split(RESTART.replace("[", "\\["), -1).length - 1);
        assertEquals(1, err.toString().chars().filter(c -> c == '\n').count());
        assertTrue(err.toString().endsWith(System.lineSeparator()));
    }

    @Test
    void aNoteStandsAboveTheLine() {
        try (ProgressLine line = new ProgressLine(terminal)) {
            line.show(progress(1));
            line.note("saved run/step_1");
            line.show(progress(2));
        }

        String[] drawn = err.toString().split("\n");
        assertTrue(drawn[0].endsWith(RESTART + "saved run/step_1"), drawn[0]);
        assertTrue(drawn[1].startsWith(RESTART + "step    2/1000"), drawn[1]);
    }

    @Test
    void aScreenThatBecomesNarrowerGetsANewLine() {
        ProgressLine line = new ProgressLine(terminal);
        line.show(progress(1));
        width.set(30);
        line.show(progress(2));
        width.set(100);
        line.show(progress(3));

        String[] drawn = err.toString().split("\n");
        assertEquals(2, drawn.length, err.toString());
        assertEquals(RESTART + "step    2/1000  loss 1.2345", drawn[1].substring(0, drawn[1].lastIndexOf('\r')));
        assertTrue(drawn[1].endsWith("3 m 05 s left"), drawn[1]);
    }

    @Test
    void whatIsNotATerminalGetsALineForEachStepAndNoEscapes() {
        try (ProgressLine line = new ProgressLine(console(Optional.empty()))) {
            line.show(progress(1));
            line.show(progress(2));
        }

        assertEquals(2, err.toString().lines().count());
        assertFalse(err.toString().contains("\u001b") || err.toString().contains("\r"), err.toString());
        assertTrue(err.toString().lines().allMatch(text -> text.length() <= 79), err.toString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0    | 80 | saving step_9  0 bytes of 3.0 GiB",
                "1024 | 80 | saving step_9  1.0 GiB of 3.0 GiB  3 m 05 s left",
                "1024 | 40 | saving step_9  1.0 GiB of 3.0 GiB",
                "1024 | 20 | saving step_9",
                "3072 | 80 | saving step_9  3.0 GiB of 3.0 GiB  reading back"
            })
    void aSaveShowsItsBytes(long mebibytes, int columns, String expected) {
        width.set(columns);

        new ProgressLine(terminal).show(saving(mebibytes));

        assertEquals(RESTART + expected, err.toString());
    }

    @Test
    void whatIsNotATerminalGetsOneLineForASave() {
        try (ProgressLine line = new ProgressLine(console(Optional.empty()))) {
            line.show(saving(0));
            line.show(saving(1024));
            line.show(saving(3072));
        }

        assertEquals("saving run/step_9, 3.0 GiB\n", err.toString());
    }

    private static ProgressLine.Saving saving(long mebibytes) {
        Optional<Duration> left = mebibytes == 0 ? Optional.empty() : Optional.of(Duration.ofSeconds(185));
        return new ProgressLine.Saving(Path.of("run", "step_9"), mebibytes << 20, 3L << 30, left);
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", "dumb"})
    void aTerminalThatKnowsNoEscapesIsNoScreen(String type) {
        assertTrue(Console.isDumb(type));
        assertFalse(Console.isDumb("xterm-256color"));
    }

    private Console console(Optional<Console.Screen> screen) {
        return new Console(
                new BufferedReader(new StringReader("")),
                new PrintWriter(new StringWriter()),
                new PrintWriter(new PrintableWriter(err)),
                screen,
                false);
    }

    private static ProgressLine.Progress progress(long step) {
        return new ProgressLine.Progress(step, 1000, 1.2345, 0.25, 1e-3, 1234.4, Duration.ofSeconds(185));
    }
}
