package dev.bowline.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.fixtures.TwoThreads;
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
final class SideBySideTest {

    private static final int MANY = 64;

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

        SideBySide.run(MANY, i -> runs.incrementAndGet(i));

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

        SideBySide.run(MANY, _ -> {
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
            Tensor product = Ops.zeros(Dtype.FLOAT32, MANY, 48, 32);

            SideBySide.run(MANY, i -> torch.mm_out(product.select(0, i), a.select(0, i), b.select(0, i)));

            assertTrue(torch.allclose(a.bmm(b), product, 1e-5, 1e-5, false));
            assertFalse(torch.allclose(product, torch.zeros_like(product), 1e-5, 1e-5, false));
        }
    }

    @Test
    void aFailureReachesTheCaller() {
        var failure = assertThrows(
                IllegalArgumentException.class,
                () -> SideBySide.run(MANY, i -> {
                    pause();
                    if (i % 2 == 1) {
                        throw new IllegalArgumentException("kernel " + i);
                    }
                }));

        assertTrue(String.valueOf(failure.getMessage()).startsWith("kernel "));
    }

    @Test
    void anInterruptedCallerStillWaitsForEveryKernel() {
        AtomicInteger finished = new AtomicInteger();
        Thread.currentThread().interrupt();

        SideBySide.run(MANY, _ -> {
            pause();
            finished.incrementAndGet();
        });

        assertTrue(Thread.interrupted());
        assertEquals(MANY, finished.get());
    }

    @Test
    void afterAFailureNoKernelRuns() {
        AtomicInteger running = new AtomicInteger();

        assertThrows(
                IllegalArgumentException.class,
                () -> SideBySide.run(MANY, i -> {
                    running.incrementAndGet();
                    if (i == 0) {
                        throw new IllegalArgumentException("the first");
                    }
                    pause();
                    running.decrementAndGet();
                }));

        // The one that failed.
        assertEquals(1, running.get());
    }

    /// A millisecond that no interrupt shortens.
    private static void pause() {
        long end = System.nanoTime() + 1_000_000;
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }
}
