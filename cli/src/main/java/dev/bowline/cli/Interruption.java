package dev.bowline.cli;

import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import sun.misc.Signal;

/// The signals that ask the process to end. A command that has something to save registers a handler and ends by
/// itself; any other ends at once.
///
/// A signal that the process was started to ignore, as `nohup` does with SIGHUP, stays ignored.
final class Interruption {

    /// A signal that asks the process to end.
    enum Cause {
        SIGHUP(1),
        SIGINT(2),
        SIGTERM(15);

        private final int number;

        Cause(int number) {
            this.number = number;
        }

        /// The shells' convention: 128 and the number of the signal.
        int exitCode() {
            return 128 + number;
        }

        /// The signal with this exit code.
        static Optional<Cause> ofExitCode(int code) {
            return Stream.of(values()).filter(cause -> cause.exitCode() == code).findFirst();
        }
    }

    /// The time limit for writing buffered output.
    private static final long FLUSH_MILLIS = 1000;

    private static volatile Optional<Consumer<Cause>> handler = Optional.empty();
    private static volatile Optional<Cause> first = Optional.empty();

    private Interruption() {}

    /// Installs the handling for this process.
    static void watch(Console console) {
        for (Cause cause : Cause.values()) {
            try {
                Signal.handle(new Signal(cause.name().substring("SIG".length())), _ -> received(console, cause));
            } catch (IllegalArgumentException _) {
                // Windows has no SIGHUP, and with -Xrs Java leaves signals alone: the system ends the process then.
            }
        }
    }

    /// Registers what a signal does, until the result is closed. The handler is called on another thread, for every
    /// signal.
    static Registration handledBy(Consumer<Cause> action) {
        Optional<Consumer<Cause>> before = handler;
        handler = Optional.of(action);
        return () -> handler = before;
    }

    /// Ends a registration.
    interface Registration extends AutoCloseable {
        @Override
        void close();
    }

    /// The first signal there was.
    static Optional<Cause> first() {
        return first;
    }

    private static synchronized void received(Console console, Cause cause) {
        first = first.or(() -> Optional.of(cause));
        handler.ifPresentOrElse(action -> action.accept(cause), () -> end(console, cause));
    }

    /// Ends the process at once.
    static void end(Console console, Cause cause) {
        // A reader that does not read would hold up the end.
        Thread flush = Thread.ofPlatform().daemon().start(console::flush);
        try {
            flush.join(FLUSH_MILLIS);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        Posix.exitNow(cause.exitCode());
    }
}
