package dev.bowline.recipe;

import dev.bowline.optim.Schedule;
import java.util.Optional;

/// The learning rate over time: from `initLr` up to the optimizer's over the warm-up, then down to `minLr`.
///
/// @param warmupSteps steps of the warm-up, at least 0; empty for a tenth of the run's steps, at most 1000
/// @param decaySteps the step, counted from the first, at which `minLr` is reached; empty for the run's last
/// @param minLr the rate at the end of the decay and after it
/// @param initLr the rate the warm-up starts from
/// @param startAtInitLr whether the first step has `initLr` itself, and not the rate one step above it
public record LrScheduler(
        Schedule.Decay decayStyle,
        Optional<Integer> warmupSteps,
        Optional<Integer> decaySteps,
        double minLr,
        double initLr,
        boolean startAtInitLr) {

    public LrScheduler {
        int warmup = warmupSteps.orElse(0);
        Require.that(warmup >= 0, "warmupSteps must be at least 0, not %d", warmup);
        decaySteps.ifPresent(steps -> Require.that(
                steps >= 1 && steps >= warmup, "decaySteps %d is below the %d steps of the warm-up", steps, warmup));
        Require.that(minLr >= 0 && Double.isFinite(minLr), "minLr must be finite and at least 0, not %s", minLr);
        Require.that(initLr >= 0 && Double.isFinite(initLr), "initLr must be finite and at least 0, not %s", initLr);
    }
}
