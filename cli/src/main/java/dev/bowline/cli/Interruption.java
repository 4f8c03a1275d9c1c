package dev.bowline.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/// What Ctrl-C and SIGTERM do: ask the running command to end well, and keep the process until it has.
///
/// A command that can end well says so with [#whileRunning]. Any other is given a moment and then halted: there is
/// nothing of it to save.
final class Interruption {

    /// How a command is asked to end. Called on another thread.
    interface Stop {
        void request();
    }

    private static final long GRACE_SECONDS = 2;

    private static final AtomicBoolean REQUESTED = new AtomicBoolean();
    private static final AtomicReference<Stop> RUNNING = new AtomicReference<>();

    private Interruption() {}

    /// Installs the handling for this process.
    static void watch(Console console) {
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(main, console), "interruption"));
    }

    /// Whether the process was asked to end.
    static boolean isRequested() {
        return REQUESTED.get();
    }

    /// Registers how to end what runs until the result is closed.
    static Registration whileRunning(Stop stop) {
        RUNNING.set(stop);
        return () -> RUNNING.set(null);
    }

    /// Ends a registration.
    interface Registration extends AutoCloseable {
        @Override
        void close();
    }

    private static void end(Thread main, Console console) {
        REQUESTED.set(true);
        Stop stop = RUNNING.get();
        try {
            if (stop != null) {
                stop.request();
                // Main halts the process itself when it is done.
                main.join();
                new CountDownLatch(1).await();
            }
            main.join(TimeUnit.SECONDS.toMillis(GRACE_SECONDS));
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        console.flush();
        Runtime.getRuntime().halt(130);
    }
}
