package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.tensor.NativeErrors;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// How a command that fails ends: one message on the error stream, and the exit code that says whose turn it is.
final class Failures {

    private static final String REPORT_TO = "the issue tracker of the repository you got Bowline from";

    static final String MORE_MEMORY = "give it more with the environment variable BOWLINE_JAVA_OPTS=-Xmx4g";

    /// Whether a failure's place in the program is shown.
    enum Trace {
        SHOWN,
        HIDDEN
    }

    private Failures() {}

    /// A command line that cannot be understood.
    static int usage(Console console, ParameterException failure) {
        CommandLine line = failure.getCommandLine();
        // picocli begins some of its messages with a word that is already there.
        String problem = String.valueOf(failure.getMessage()).replaceFirst("^Error: ", "");
        List<String> suggestions =
                failure instanceof UnmatchedArgumentException unmatched ? unmatched.getSuggestions() : List.of();
        String hint = suggestions.isEmpty() ? "" : " (nearest: '%s')".formatted(String.join("', '", suggestions));
        console.note("error: %s%s".formatted(problem, hint));
        console.note("  fix: '%s --help' shows what it takes"
                .formatted(line.getCommandSpec().qualifiedName()));
        return ExitCode.USAGE;
    }

    /// A command that was understood and failed.
    static int report(Console console, Exception failure, Trace trace) {
        if (failure instanceof ParameterException parameter) {
            return usage(console, parameter);
        }
        int code = switch (failure) {
            case BowlineException known -> {
                console.note("error: " + Launcher.inCommands(String.valueOf(known.getMessage())));
                yield ExitCode.REFUSED;
            }
            case RuntimeException nativeFailure
            when NativeErrors.isOutOfMemory(nativeFailure) -> {
                console.note("error: there is not enough memory: " + NativeErrors.message(nativeFailure));
                console.note("  fix: use shorter sequences, a smaller batch or bfloat16, or a machine with more");
                yield ExitCode.REFUSED;
            }
            default -> {
                console.note("error: Bowline failed where it should not: %s".formatted(text(failure)));
                console.note(
                        trace == Trace.SHOWN
                                ? "  fix: this is a bug; report it, with what follows, to " + REPORT_TO
                                : "  fix: this is a bug; run again with --stacktrace and report it to " + REPORT_TO);
                yield ExitCode.BUG;
            }
        };
        if (trace == Trace.SHOWN) {
            failure.printStackTrace(console.err());
            console.err().flush();
        }
        return code;
    }

    /// The heap that the launcher gave is too small for the input.
    static int outOfMemory(Console console, OutOfMemoryError failure) {
        console.note("error: Java has not enough memory for this: " + failure.getMessage());
        console.note("  fix: " + MORE_MEMORY);
        return ExitCode.REFUSED;
    }

    private static String text(Exception failure) {
        String message = failure instanceof RuntimeException e ? NativeErrors.message(e) : failure.getMessage();
        return "%s: %s".formatted(failure.getClass().getSimpleName(), message);
    }
}
