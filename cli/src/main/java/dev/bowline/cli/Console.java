package dev.bowline.cli;

import dev.bowline.json.Json;
import dev.bowline.json.JsonValue;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/// Where a command reads and prints: results to `out`, everything about the run to `err`, both in UTF-8 and
/// through a [PrintableWriter].
///
/// @param screen the terminal behind `err`, if there is one; what it shows may be drawn over
/// @param interactive whether a person types into `in`
record Console(BufferedReader in, PrintWriter out, PrintWriter err, Optional<Screen> screen, boolean interactive) {

    private static final String GREEN = "\u001b[32m";
    private static final String PLAIN = "\u001b[0m";

    /// A terminal on which a line can be drawn over.
    ///
    /// @param width columns at the time of the call: people resize
    /// @param control takes escape sequences to the terminal unchanged; never text that comes from a file
    record Screen(IntSupplier width, PrintWriter control) {

        void send(String sequence) {
            control.print(sequence);
            control.flush();
        }
    }

    /// The process's streams and what there is of a terminal behind them.
    static Console ofTerminal() {
        Optional<Screen> screen = Posix.isTerminal(Posix.STANDARD_ERROR) && !isDumb(System.getenv("TERM"))
                ? Optional.of(new Screen(
                        () -> Posix.width(Posix.STANDARD_ERROR),
                        new PrintWriter(new FileOutputStream(FileDescriptor.err), false, StandardCharsets.UTF_8)))
                : Optional.empty();
        return ofProcess(screen, Posix.isTerminal(Posix.STANDARD_INPUT));
    }

    /// The process's streams alone; whether they are a terminal is not asked.
    static Console ofStreams() {
        return ofProcess(Optional.empty(), false);
    }

    private static Console ofProcess(Optional<Screen> screen, boolean interactive) {
        return new Console(
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)),
                ProcessPrinter.of(FileDescriptor.out),
                ProcessPrinter.of(FileDescriptor.err),
                screen,
                interactive);
    }

    /// Not a terminal, for whoever wants the text.
    static Console of(Reader in, Writer out, Writer err) {
        return new Console(
                new BufferedReader(in),
                new PrintWriter(new PrintableWriter(out)),
                new PrintWriter(new PrintableWriter(err)),
                Optional.empty(),
                false);
    }

    /// True if the results go to the process's own streams, which a child process can have too.
    boolean isOfProcess() {
        return out instanceof ProcessPrinter;
    }

    /// True if a terminal of this type shows escape sequences as text, and for no type.
    static boolean isDumb(@Nullable String type) {
        return type == null || type.isEmpty() || type.equals("dumb");
    }

    void print(String text) {
        out.print(text);
        out.flush();
    }

    /// Prints in a colour where a terminal shows the results and the person wants colours, else plainly.
    ///
    /// The text itself may be anyone's: characters that would steer the terminal are escaped.
    void printTrained(String text) {
        if (isOfProcess() && hasColours()) {
            out.flush();
            PrintWriter raw = new PrintWriter(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
            raw.print(GREEN);
            raw.flush();
            print(text);
            raw.print(PLAIN);
            raw.flush();
        } else {
            print(text);
        }
    }

    /// See https://no-color.org for the variable.
    private static boolean hasColours() {
        String unwanted = System.getenv("NO_COLOR");
        return (unwanted == null || unwanted.isEmpty())
                && !isDumb(System.getenv("TERM"))
                && Posix.isTerminal(Posix.STANDARD_OUTPUT);
    }

    void print(JsonValue value) {
        print(Json.pretty(value));
    }

    /// A line about the run.
    void note(String line) {
        err.println(line);
        err.flush();
    }

    /// The next line typed or piped in; empty at the end.
    Optional<String> readLine() {
        try {
            return Optional.ofNullable(in.readLine());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Why the process's output could not be written, if so. A reader that ended early, as `head` does, has
    /// what it wanted and is no failure.
    Optional<IOException> outputFailure() {
        return out instanceof ProcessPrinter printer
                ? printer.failure().filter(_ -> !Posix.isReaderGone(Posix.STANDARD_OUTPUT))
                : Optional.empty();
    }

    void flush() {
        out.flush();
        err.flush();
    }
}
