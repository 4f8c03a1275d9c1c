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

    /// Measured with AutoModel's `OptimizerParamScheduler`: the rate that the optimizer has at each step.
    @Test
    void aWarmUpFromItsInitialRateIsThatOfAutoModel() {
        Schedule schedule = new Schedule(Schedule.Decay.COSINE, 1e-4, 1e-5, 1e-6, 4, 40, Schedule.FirstStep.INITIAL);

        assertEquals(1e-5, schedule.rate(0), 1e-18);
        assertEquals(3.25e-5, schedule.rate(1), 1e-18);
        assertEquals(7.75e-5, schedule.rate(3), 1e-18);
        assertEquals(1e-4, schedule.rate(4), 1e-18);
        assertEquals(9.981163755554141e-05, schedule.rate(5), 1e-18);
        assertEquals(5.05e-5, schedule.rate(22), 1e-18);
        assertEquals(1.1883624444585956e-06, schedule.rate(39), 1e-18);
        assertEquals(1e-6, schedule.rate(41), 1e-18);
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
