package dev.bowline.formats;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A thread that waits for a decoder which has stalled is interrupted, and nothing of that is left behind.
class DecoderWatchTest {

    @Test
    @Timeout(60)
    void anEndlessWaitIsInterrupted() {
        try (DecoderWatch watch = new DecoderWatch(1)) {
            watch.begin();
            assertThrows(InterruptedException.class, new CountDownLatch(1)::await);
            assertTrue(watch.end());
            assertFalse(Thread.currentThread().isInterrupted());
        }
    }

    @Test
    void whatHasEndedIsNotInterrupted() {
        try (DecoderWatch watch = new DecoderWatch(1)) {
            watch.begin();
            assertFalse(watch.end());
        }
        assertFalse(Thread.currentThread().isInterrupted());
    }
}
