package dev.bowline.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

/// A schedule warms up to its peak and decays to its minimum.
class ScheduleTest {

    @Test
    void warmUpReachesThePeakAtItsLastStep() {
        Schedule schedule = new Schedule(Schedule.Decay.LINEAR, 1.0, 0.0, 0.1, 4, 14);

        assertEquals(0.25, schedule.rate(0), 1e-12);
        assertEquals(1.0, schedule.rate(3), 1e-12);
        assertEquals(1.0, schedule.rate(4), 1e-12);
    }

    @Test
    void linearAndCosineEndAtTheMinimumAndStayThere() {
        for (Schedule.Decay decay : new Schedule.Decay[] {Schedule.Decay.LINEAR, Schedule.Decay.COSINE}) {
            Schedule schedule = new Schedule(decay, 1.0, 0.0, 0.1, 4, 14);

            assertEquals(0.55, schedule.rate(9), 1e-12);
            assertEquals(0.1, schedule.rate(14), 1e-12);
            assertEquals(0.1, schedule.rate(1000), 1e-12);
        }
    }

    @Test
    void constantStaysAtThePeak() {
        assertEquals(3e-4, Schedule.constant(3e-4).rate(100), 0);
    }

    @Test
    void warmUpLongerThanTheRunIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Schedule(Schedule.Decay.COSINE, 1.0, 0.0, 0.1, 20, 10));
    }
}
