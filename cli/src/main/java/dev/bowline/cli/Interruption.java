package dev.bowline.cli;

import java.util.concurrent.atomic.AtomicReference;

/// What Ctrl-C and SIGTERM do: ask the running command to end well and keep the process until it has, or end the
/// process
/// at once when there is nothing to save.
final class Interruption {

    /// By the shells' convention: 128 and the number of the signal that Ctrl-C sends.
    private static final int INTERRUPTED = 130;

    private static final AtomicReference<Runnable> STOP = new AtomicReference<>();

    private Interruption() {}

    /// Installs the handling for this process.
    static void watch(Console console) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(console), "interruption"));
    }

    /// Registers how to ask what runs to end, until the result is closed. Called on another thread.
    static Registration endingWith(Runnable stop) {
        STOP.set(stop);
        return () -> STOP.set(null);
    }

    /// Ends a registration.
    interface Registration extends AutoCloseable {
        @Override
        void close();
    }

    private static void end(Console console) {
        Runnable stop = STOP.get();
        if (stop != null) {
            stop.run();
            try {
                // Main ends the process when it is done.
                Thread.currentThread().join();
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }
        console.flush();
        Posix.exitNow(INTERRUPTED);
    }
}
