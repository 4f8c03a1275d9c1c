package dev.bowline.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.fixtures.TwoThreads;
import dev.bowline.platform.BlasThreads;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(TwoThreads.class)
final class KernelPoolTest {

    private static final int MANY = 64;

    /// More than the caller takes for all kernels but one.
    private static final int LONG_MILLIS = 200;

    private static final int THREADS = 2;
    private static final int BLAS_THREADS = BlasThreads.count();

    @AfterEach
    void theThreadsAreThoseOfBefore() {
        assertEquals(THREADS, torch.get_num_threads());
        assertEquals(BLAS_THREADS, BlasThreads.count());
    }

    @Test
    void everyKernelRunsOnce() {
        AtomicIntegerArray runs = new AtomicIntegerArray(MANY);

        KernelPool.run(MANY, i -> runs.incrementAndGet(i));

        int[] counts = new int[MANY];
        Arrays.setAll(counts, runs::get);
        int[] once = new int[MANY];
        Arrays.fill(once, 1);
        assertArrayEquals(once, counts);
    }

    @Test
    void kernelsOnEveryThreadRunWithoutRecordingAndOnOneThreadEach() {
        Set<Boolean> recording = ConcurrentHashMap.newKeySet();
        Set<Integer> threads = ConcurrentHashMap.newKeySet();
        Set<Thread> seen = ConcurrentHashMap.newKeySet();

        KernelPool.run(MANY, _ -> {
            seen.add(Thread.currentThread());
            recording.add(GradMode.is_enabled());
            threads.add(torch.get_num_threads());
            pause();
        });

        assertEquals(Set.of(false), recording);
        assertEquals(Set.of(1), threads);
        assertEquals(2, seen.size());
        assertTrue(GradMode.is_enabled());
    }

    @Test
    void productsSideBySideAreThoseOneAfterTheOther() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor a = torch.randn(MANY, 48, 96);
            Tensor b = torch.randn(MANY, 96, 32);
            Tensor product = Ops.zeros(Device.CPU, Dtype.FLOAT32, MANY, 48, 32);

            KernelPool.run(MANY, i -> torch.mm_out(product.select(0, i), a.select(0, i), b.select(0, i)));

            assertTrue(torch.allclose(a.bmm(b), product, 1e-5, 1e-5, false));
            assertFalse(torch.allclose(product, torch.zeros_like(product), 1e-5, 1e-5, false));
        }
    }

    @Test
    void aFailureReachesTheCaller() {
        var failure = assertThrows(
                IllegalArgumentException.class,
                () -> KernelPool.run(MANY, i -> {
                    pause();
                    if (i % 2 == 1) {
                        throw new IllegalArgumentException("kernel " + i);
                    }
                }));

        assertTrue(String.valueOf(failure.getMessage()).startsWith("kernel "));
    }

    /// The helper is still at work when the caller has done all the rest.
    @Test
    void anInterruptedCallerStillWaitsForEveryKernel() {
        Thread caller = Thread.currentThread();
        AtomicInteger finished = new AtomicInteger();
        AtomicInteger byTheHelper = new AtomicInteger();
        caller.interrupt();

        KernelPool.run(MANY, _ -> {
            if (Thread.currentThread() == caller) {
                pause();
            } else {
                byTheHelper.incrementAndGet();
                pause(LONG_MILLIS);
            }
            finished.incrementAndGet();
        });

        assertTrue(Thread.interrupted());
        assertTrue(byTheHelper.get() > 0);
        assertEquals(MANY, finished.get());
    }

    @Test
    void afterAFailureTheKernelThatRunsIsWaitedForAndNoOtherBegins() {
        Thread caller = Thread.currentThread();
        AtomicInteger begun = new AtomicInteger();
        AtomicInteger finished = new AtomicInteger();

        assertThrows(
                IllegalArgumentException.class,
                () -> KernelPool.run(MANY, _ -> {
                    if (Thread.currentThread() == caller) {
                        while (begun.get() == 0) {
                            Thread.onSpinWait();
                        }
                        throw new IllegalArgumentException("the caller's");
                    }
                    begun.incrementAndGet();
                    pause(LONG_MILLIS);
                    finished.incrementAndGet();
                }));

        assertEquals(finished.get(), begun.get());
        // One more may have begun just before the failure.
        assertTrue(begun.get() <= 2, begun + " kernels began");
    }

    private static void pause() {
        pause(1);
    }

    /// Not shortened by an interrupt.
    private static void pause(long milliseconds) {
        long end = System.nanoTime() + milliseconds * 1_000_000;
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }
}
