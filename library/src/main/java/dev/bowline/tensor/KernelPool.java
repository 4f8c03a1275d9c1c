package dev.bowline.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.bowline.platform.BlasThreads;
import dev.bowline.platform.LoadedLibrary;
import dev.bowline.platform.MallocArena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.global.torch;

/// Runs many independent kernels in parallel, each on one thread.
///
/// A kernel that divides a small product among all threads spends much of its time on starting them and waiting
/// for the last; see docs/performance.md. The helper threads allocate from another arena than a program that runs
/// in [NativeProcess#onMainArena]. Linux with libgomp only; elsewhere the kernels run one after the other.
public final class KernelPool {

    /// `omp_get_max_threads` and `omp_set_num_threads`, which apply to the calling thread.
    private record OpenMp(MethodHandle get, MethodHandle set) {

        int threads() {
            try {
                return (int) get.invokeExact();
            } catch (Throwable e) {
                throw new IllegalStateException("omp_get_max_threads failed", e);
            }
        }

        void threads(int count) {
            try {
                set.invokeExact(count);
            } catch (Throwable e) {
                throw new IllegalStateException("omp_set_num_threads failed", e);
            }
        }
    }

    private static final Optional<OpenMp> OPENMP = LoadedLibrary.find("libgomp.so.1")
            .flatMap(library -> library.find("omp_get_max_threads")
                    .flatMap(get -> library.find("omp_set_num_threads").map(set -> openMp(get, set))));

    private static final ThreadFactory FACTORY =
            Thread.ofPlatform().daemon().name("bowline-kernel-", 0).factory();

    /// Each has one thread.
    private static final List<ExecutorService> HELPERS = new ArrayList<>();

    private KernelPool() {}

    private static OpenMp openMp(MemorySegment get, MemorySegment set) {
        Linker linker = Linker.nativeLinker();
        return new OpenMp(
                linker.downcallHandle(get, FunctionDescriptor.of(JAVA_INT)),
                linker.downcallHandle(set, FunctionDescriptor.ofVoid(JAVA_INT)));
    }

    private static synchronized List<ExecutorService> helpers(int count) {
        while (HELPERS.size() < count) {
            HELPERS.add(MallocArena.threadOf(MallocArena.Kind.OTHER, FACTORY));
        }
        return List.copyOf(HELPERS.subList(0, count));
    }

    /// Runs `kernel` for 0, 1, ... `count` - 1, in any order, without recording for autograd. Native handles that
    /// a kernel creates are freed. When this method returns or throws, no kernel runs any more, so the caller may
    /// free the memory that kernels write to.
    public static void run(int count, IntConsumer kernel) {
        run(count, count, kernel);
    }

    /// Runs some of `total` kernels as a call with all of them does: the number of threads of a kernel decides the last
    /// bits of some results.
    public static void run(int total, int count, IntConsumer kernel) {
        int threads = OPENMP.map(OpenMp::threads).orElse(1);
        // With few kernels it is faster if each kernel uses more than one thread.
        if (threads < 2 || total < 2 * threads) {
            runOnThisThread(count, new AtomicInteger(), kernel);
        } else {
            runParallel(threads, count, kernel, OPENMP.orElseThrow());
        }
    }

    private static void runParallel(int threads, int count, IntConsumer kernel, OpenMp openMp) {
        AtomicInteger next = new AtomicInteger();
        List<Future<?>> running = new ArrayList<>();
        BlasThreads.one();
        openMp.threads(1);
        try {
            for (ExecutorService helper : helpers(threads - 1)) {
                running.add(helper.submit(() -> {
                    // libtorch sets the number of threads itself at its first call on a thread, so that call
                    // comes first.
                    torch.get_num_threads();
                    openMp.threads(1);
                    runOnThisThread(count, next, kernel);
                }));
            }
            runOnThisThread(count, next, kernel);
        } finally {
            // After a failure no thread begins another kernel.
            next.set(count);
            try {
                await(running);
            } finally {
                openMp.threads(threads);
                BlasThreads.all();
            }
        }
    }

    private static void runOnThisThread(int count, AtomicInteger next, IntConsumer kernel) {
        try (NoGradGuard _ = new NoGradGuard()) {
            for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                try (TensorScope _ = TensorScope.open()) {
                    kernel.accept(i);
                }
            }
        }
    }

    /// Waits for all helpers, despite failures and interrupts, then throws the first failure.
    private static void await(List<Future<?>> running) {
        Optional<Throwable> failure = Optional.empty();
        boolean interrupted = false;
        for (Future<?> kernels : running) {
            boolean done = false;
            while (!done) {
                try {
                    kernels.get();
                    done = true;
                } catch (ExecutionException e) {
                    Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
                    failure = failure.or(() -> Optional.of(cause));
                    done = true;
                } catch (InterruptedException _) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure.isPresent()) {
            throw failure.get() instanceof RuntimeException problem
                    ? problem
                    : new IllegalStateException("a kernel failed", failure.get());
        }
    }
}
