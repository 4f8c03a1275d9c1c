package dev.bowline.cli;

import dev.bowline.tensor.NativeProcess;
import java.util.Optional;

/// The application's entry.
public final class Bowline {

    private Bowline() {}

    public static void main(String[] arguments) {
        if (CommandName.first(arguments).filter(CommandName::isPlain).isPresent()) {
            Console console = Console.ofStreams();
            Interruption.watch(console);
            // Nothing native runs that would have to be left alone, as below.
            Runtime.getRuntime().halt(run(console, arguments));
        }
        // Before any class of libtorch's: it reads the environment once, when it loads.
        NativeProcess.tune();
        Console console = Console.ofTerminal();
        Interruption.watch(console);
        Posix.exitNow(NativeProcess.onMainArena(() -> run(console, arguments)));
    }

    static int run(Console console, String... arguments) {
        Optional<AuditRequest> audit = AuditRequest.ofPlain(arguments);
        int code = audit.isPresent() ? run(console, audit.get()) : CommandTree.run(console, arguments);
        console.flush();
        FlightRecordings.write();
        return code;
    }

    private static int run(Console console, AuditRequest audit) {
        try {
            return audit.run(console);
        } catch (RuntimeException e) {
            return Failures.report(console, e, Failures.Trace.HIDDEN);
        } catch (OutOfMemoryError e) {
            return Failures.outOfMemory(console, e);
        }
    }
}
