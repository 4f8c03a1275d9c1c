package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.distributed.RankFailure;
import dev.bowline.natives.MissingNativesException;
import dev.bowline.recipe.RecipeException;
import dev.bowline.report.Wrapping;
import dev.bowline.tensor.NativeErrors;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.MutuallyExclusiveArgsException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// Ends a command that fails: prints one message on the error stream and returns the exit code.
final class Failures {

    private static final String REPORT_TO = "the issue tracker of the repository you got Bowline from";

    /// The detail of a failure: with or without its stack trace.
    enum Trace {
        SHOWN,
        HIDDEN;

        /// The option by its name alone, for failures that the parser of the command line does not see.
        static Trace of(String... arguments) {
            return List.of(arguments).contains("--stacktrace") ? SHOWN : HIDDEN;
        }
    }

    private Failures() {}

    /// A command line that cannot be understood.
    static int usage(Console console, ParameterException failure) {
        CommandLine line = failure.getCommandLine();
        String problem = String.valueOf(failure.getMessage());
        if (isOfGroup(failure)) {
            problem = problem.substring("Error: ".length());
        }
        List<String> suggestions =
                failure instanceof UnmatchedArgumentException unmatched ? unmatched.getSuggestions() : List.of();
        String hint = suggestions.isEmpty() ? "" : " (nearest: '%s')".formatted(String.join("', '", suggestions));
        tell(console, "error: %s%s".formatted(problem, hint));
        String name = line.getCommandSpec().root().name();
        String command = "bowline" + line.getCommandSpec().qualifiedName().substring(name.length());
        console.note(Launcher.inCommands("  fix: %s --help lists its arguments and options".formatted(command)));
        return ExitCode.USAGE;
    }

    /// picocli begins the messages about a group of options with the word that `tell` prints.
    private static boolean isOfGroup(ParameterException failure) {
        return switch (failure) {
            case MutuallyExclusiveArgsException _ -> true;
            case MissingParameterException missing ->
                missing.getMissing().stream().allMatch(argument -> argument.group() != null);
            default -> false;
        };
    }

    /// A command that was understood and failed, by an exception or by an error of the JVM.
    static int report(Console console, Throwable failure, Trace trace) {
        if (failure instanceof ParameterException parameter) {
            return usage(console, parameter);
        }
        int code = switch (failure) {
            case MissingNativesException missing -> {
                tell(console, "error: " + missing.problem());
                tell(
                        console,
                        "  fix: %s; the build fetches %s"
                                .formatted(SystemFailures.BUILD_AGAIN, String.join(", ", missing.artifacts())));
                yield ExitCode.REFUSED;
            }
            case RecipeException known -> {
                tell(console, known);
                yield ExitCode.REFUSED;
            }
            case RankFailure lost -> {
                tell(console, lost);
                yield ExitCode.RANK_FAILURE;
            }
            case BowlineException known -> {
                tell(console, known);
                yield ExitCode.REFUSED;
            }
            case RuntimeException nativeFailure
            when NativeErrors.isOutOfMemory(nativeFailure) -> {
                tell(console, "error: there is not enough memory: " + NativeErrors.message(nativeFailure));
                tell(console, "  fix: use shorter sequences, a smaller batch or bfloat16, or a machine with more");
                yield ExitCode.REFUSED;
            }
            default -> {
                Optional<BowlineException> told = SystemFailures.told(failure);
                told.ifPresent(known -> tell(console, known));
                yield told.isPresent() ? ExitCode.REFUSED : bug(console, failure, trace);
            }
        };
        if (trace == Trace.SHOWN) {
            failure.printStackTrace(console.err());
            console.err().flush();
        }
        return code;
    }

    /// The exit code of a command that ended with `code`: a success whose output was lost is none.
    static int unlessUnwritten(Console console, int code) {
        Optional<IOException> failure = console.outputFailure();
        if (failure.isEmpty()) {
            return code;
        }
        tell(console, "error: the output cannot be written: " + failure.get().getMessage());
        tell(
                console,
                "  fix: write the output to a pipe or to a file on a disk with free space; all other work is complete");
        return code == ExitCode.SUCCESS ? ExitCode.REFUSED : code;
    }

    /// Every problem of a recipe with its place and its fix.
    private static void tell(Console console, RecipeException failure) {
        String prefix = "error: ";
        for (RecipeException.Problem problem : failure.shown()) {
            tell(console, "%s%s: %s".formatted(prefix, Commands.text(problem.at()), problem.problem()));
            tell(console, problem.fix());
            prefix = "";
        }
        int left = failure.problems().size() - failure.shown().size();
        if (left > 0) {
            tell(console, "and %d more".formatted(left));
        }
    }

    private static void tell(Console console, BowlineException failure) {
        tell(console, "error: " + failure.problem());
        tell(console, failure.howToFix());
    }

    /// The fix, with its operations as commands.
    private static void tell(Console console, Fix fix) {
        List<Commands.Line> lines = Commands.lines(fix);
        for (int i = 0; i < lines.size(); i++) {
            String text = (i == 0 ? "  fix: " : "") + lines.get(i).text();
            if (lines.get(i).isCommand()) {
                console.note(text);
            } else {
                tell(console, text);
            }
        }
    }

    /// On a terminal, breaks lines between words.
    private static void tell(Console console, String message) {
        String text = console.screen()
                .map(screen -> message.lines()
                        .map(line -> Wrapping.lines(line, screen.width().getAsInt(), "    "))
                        .collect(Collectors.joining("\n")))
                .orElse(message);
        console.note(text);
    }

    private static int bug(Console console, Throwable failure, Trace trace) {
        tell(console, "error: an unexpected failure: %s".formatted(text(failure)));
        tell(
                console,
                trace == Trace.SHOWN
                        ? "  fix: this is a bug; report it with the stack trace below to " + REPORT_TO
                        : "  fix: this is a bug; run again with --stacktrace and report it to " + REPORT_TO);
        return ExitCode.BUG;
    }

    private static String text(Throwable failure) {
        String message = failure instanceof RuntimeException e ? NativeErrors.message(e) : failure.getMessage();
        return "%s: %s".formatted(failure.getClass().getSimpleName(), message);
    }
}
