package dev.bowline.cli;

import dev.bowline.platform.NativeProcess;
import java.util.Optional;
import java.util.function.IntSupplier;

/// The application's entry.
public final class Bowline {

    private Bowline() {}

    public static void main(String[] arguments) {
        if (CommandName.first(arguments).filter(CommandName::isPlain).isPresent()) {
            Console console = Console.ofStreams();
            // Nothing native runs that would have to be left alone, as below.
            Runtime.getRuntime().halt(guarded(console, arguments, () -> {
                Interruption.watch(console);
                return run(console, arguments);
            }));
        }
        Console streams = Console.ofStreams();
        Posix.exitNow(guarded(streams, arguments, () -> {
            // Before any class of libtorch's: it reads the environment once, when it loads.
            NativeProcess.tuneApplication();
            Console console = Console.ofTerminal();
            Interruption.watch(console);
            return NativeProcess.onMainArena(() -> run(console, arguments));
        }));
    }

    /// The exit code of a program that may fail in any way. An error that left [#main] would end the JVM with
    /// the code of an interruption.
    @SuppressWarnings("CatchThrowable")
    private static int guarded(Console console, String[] arguments, IntSupplier program) {
        try {
            return program.getAsInt();
        } catch (Throwable e) {
            try {
                return Failures.report(console, e, Failures.Trace.of(arguments));
            } catch (Throwable _) {
                // Nothing is left to tell it better with: no memory, or no class.
                System.err.printf("error: %s%n  fix: %s%n", e, SystemFailures.BUILD_AGAIN_OR_MORE_MEMORY);
                return ExitCode.REFUSED;
            }
        }
    }

    static int run(Console console, String... arguments) {
        int code = executed(console, arguments);
        console.flush();
        FlightRecordings.write();
        return Failures.unlessUnwritten(console, code);
    }

    private static int executed(Console console, String... arguments) {
        try {
            Optional<AuditRequest> audit = AuditRequest.ofPlain(arguments);
            return audit.isPresent() ? audit.get().run(console) : CommandTree.run(console, arguments);
        } catch (RuntimeException | Error e) {
            return Failures.report(console, e, Failures.Trace.of(arguments));
        }
    }
}
