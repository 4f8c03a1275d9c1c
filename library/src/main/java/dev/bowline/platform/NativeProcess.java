package dev.bowline.platform;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;

/// Settings of this process that libtorch, its BLAS and the C library read once, when they load.
///
/// Must run before the first tensor. They are about speed: huge pages for large tensors, OpenMP threads that sleep
/// instead of spinning against BLAS's, and freed memory that is kept for the next step. Linux with glibc only;
/// elsewhere nothing is changed. The system property `bowline.tune.process`, set to `false` before the first use of a
/// model, leaves the process alone.
public final class NativeProcess {

    private static final int M_TRIM_THRESHOLD = -1;
    private static final int M_TOP_PAD = -2;
    private static final int M_MMAP_THRESHOLD = -3;

    private static final String SWITCH = "bowline.tune.process";

    private static boolean tuned;

    private NativeProcess() {}

    /// Applies the settings, once. A variable the user set in the environment is left as it is.
    public static synchronized void tune() {
        if (tuned
                || !System.getProperty("os.name").startsWith("Linux")
                || System.getProperty(SWITCH, "true").equals("false")) {
            return;
        }
        tuned = true;
        setIfAbsent("THP_MEM_ALLOC_ENABLE", "1");
        setIfAbsent("OMP_WAIT_POLICY", "passive");
        // Left alone, libtorch took one processor of two (docs/performance.md).
        setIfAbsent("OMP_NUM_THREADS", Integer.toString(processors()));
        // BLAS's idle threads sleep after 2^12 cycles; they would hold the processor that attention wants. Only with
        // BlasThreads: threads that BLAS starts inside of attention would be many times slower with it.
        setIfAbsent("OPENBLAS_THREAD_TIMEOUT", "12");
        if (System.getenv("MALLOC_MMAP_THRESHOLD_") == null) {
            mallopt(M_MMAP_THRESHOLD, 1 << 30);
            mallopt(M_TRIM_THRESHOLD, Integer.MAX_VALUE);
            mallopt(M_TOP_PAD, 64 << 20);
        }
    }

    /// Runs a program on a thread that has glibc's main arena, if one of many new ones does, and waits for it.
    ///
    /// Only there is the memory of large tensors used again; threads of Java have other arenas. It is about speed,
    /// and worth doing for training. With more than four processors it takes a small `MALLOC_ARENA_MAX`, as the
    /// launcher sets.
    ///
    /// @return what the program returns; what it throws is thrown here
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

    /// The processors for this process, two threads of one core counted once.
    private static int processors() {
        int threads = Runtime.getRuntime().availableProcessors();
        try {
            boolean shared = Files.readString(Path.of("/sys/devices/system/cpu/smt/active"))
                    .startsWith("1");
            return shared ? Math.max(1, threads / 2) : threads;
        } catch (IOException e) {
            return threads;
        }
    }

    private static void setIfAbsent(String name, String value) {
        if (System.getenv(name) != null) {
            return;
        }
        find("setenv", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT))
                .ifPresent(function -> {
                    try (Arena arena = Arena.ofConfined()) {
                        MemorySegment nameText = arena.allocateFrom(name);
                        MemorySegment valueText = arena.allocateFrom(value);
                        int _ = (int) function.invokeExact(nameText, valueText, 0);
                    } catch (Throwable e) {
                        throw new IllegalStateException("setenv failed", e);
                    }
                });
    }

    private static void mallopt(int parameter, int value) {
        find("mallopt", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT)).ifPresent(function -> {
            try {
                int _ = (int) function.invokeExact(parameter, value);
            } catch (Throwable e) {
                throw new IllegalStateException("mallopt failed", e);
            }
        });
    }

    private static Optional<MethodHandle> find(String function, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup().find(function).map(symbol -> linker.downcallHandle(symbol, descriptor));
    }
}
