package dev.bowline.platform;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;

/// Settings of this process that libtorch, its BLAS, JavaCPP and the C library read once, when they load.
///
/// The settings must be applied before the first tensor. `docs/process-settings.md` lists them with their reasons.
/// Environment variables and `mallopt` are for Linux with glibc. The system property `bowline.tune.process` or the
/// environment variable `BOWLINE_TUNE_PROCESS`, set to `false`, switches all of them off.
public final class NativeProcess {

    private static final String SWITCH_PROPERTY = "bowline.tune.process";
    private static final String SWITCH_VARIABLE = "BOWLINE_TUNE_PROCESS";

    private static boolean tuned;

    private NativeProcess() {}

    /// Applies the settings for a program that uses Bowline as a library. Later calls do nothing. A variable of
    /// the environment and a system property that are already set keep their values.
    public static synchronized void tune() {
        if (tuned || isSwitchedOff()) {
            return;
        }
        tuned = true;
        ProcessSettings settings = ProcessSettings.read();
        settings.properties().forEach(NativeProcess::setPropertyIfAbsent);
        if (!isLinux()) {
            return;
        }
        // OPENBLAS_THREAD_TIMEOUT needs BlasThreads: with it, threads that BLAS starts inside attention are many times
        // slower.
        settings.load().forEach((name, value) -> {
            if (System.getenv(name) == null) {
                LibC.setenv(name, value);
            }
        });
        for (LibC.MallocParameter parameter : LibC.MallocParameter.values()) {
            if (System.getenv(parameter.variable()) == null) {
                LibC.mallopt(parameter, settings.startBytes(parameter.variable()));
            }
        }
    }

    /// Applies the settings of [#tune] and those for a process that runs nothing but Bowline: the garbage
    /// collector no longer frees native memory that no scope or owner has closed.
    public static synchronized void tuneApplication() {
        if (!isSwitchedOff()) {
            ProcessSettings.read().application().forEach(NativeProcess::setPropertyIfAbsent);
            tune();
        }
    }

    /// Applies the settings that only the start of a process can apply to the environment of a process that will run
    /// Bowline. The launchers of the command line do the same for theirs. A variable that has a value keeps it; an
    /// empty variable is removed, which leaves the default of the C library.
    ///
    /// @param environment of the process to start, as of [ProcessBuilder#environment]
    public static void tuneStart(Map<String, String> environment) {
        if (isSwitchedOff(environment) || !isLinux()) {
            return;
        }
        ProcessSettings.read().start().forEach((name, value) -> {
            if (environment.getOrDefault(name, value).isEmpty()) {
                environment.remove(name);
            } else {
                environment.putIfAbsent(name, value);
            }
        });
    }

    /// The options of the Java command for a process that runs nothing but Bowline.
    public static List<String> javaOptions() {
        return List.copyOf(ProcessSettings.read().java().values());
    }

    /// The processor cores of this process, which are the threads of one operation. Two hardware threads of one core
    /// count once.
    public static int cores() {
        return ProcessSettings.cores();
    }

    /// Runs a program on a thread with glibc's main arena, if one of many new threads has it, and waits for the
    /// program.
    ///
    /// Only the main arena keeps the memory of large tensors for reuse; other threads of Java have other arenas.
    /// The call only saves time, and is worthwhile for training. With more than four processors it needs a small
    /// `MALLOC_ARENA_MAX` in the environment, which the launcher sets.
    ///
    /// @return the result of the program; an exception of the program is thrown here
    public static <T> T onMainArena(Supplier<T> program) {
        if (MallocArena.isMain()) {
            return program.get();
        }
        try (ExecutorService thread = MallocArena.threadOf(
                MallocArena.Kind.MAIN, Thread.ofPlatform().name("bowline-main").factory())) {
            return CompletableFuture.supplyAsync(program, thread).join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e.getCause() instanceof RuntimeException problem ? problem : e;
        }
    }

    private static boolean isLinux() {
        return System.getProperty("os.name").startsWith("Linux");
    }

    private static boolean isSwitchedOff() {
        return isSwitchedOff(System.getenv());
    }

    private static boolean isSwitchedOff(Map<String, String> environment) {
        return System.getProperty(SWITCH_PROPERTY, environment.getOrDefault(SWITCH_VARIABLE, "true"))
                .equals("false");
    }

    private static void setPropertyIfAbsent(String name, String value) {
        if (System.getProperty(name) == null) {
            System.setProperty(name, value);
        }
    }
}
