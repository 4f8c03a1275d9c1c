package dev.bowline.recipe;

import java.util.Optional;

/// The learning rate over time: from `initLr` up to the optimizer's over the warm-up, then down to `minLr`.
///
/// @param warmupSteps steps of the warm-up, at least 0
/// @param decaySteps the step, counted from the first, at which `minLr` is reached; empty for the run's last
/// @param minLr the rate at the end of the decay and after it
/// @param initLr the rate the warm-up starts from
public record LrScheduler(
        LrDecayStyle decayStyle, int warmupSteps, Optional<Integer> decaySteps, double minLr, double initLr) {

    public LrScheduler {
        Require.that(warmupSteps >= 0, "warmupSteps must be at least 0, not %d", warmupSteps);
        int warmup = warmupSteps;
        decaySteps.ifPresent(steps -> Require.that(
                steps >= 1 && steps >= warmup, "decaySteps %d is below the %d steps of the warm-up", steps, warmup));
        Require.that(minLr >= 0 && Double.isFinite(minLr), "minLr must be finite and at least 0, not %s", minLr);
        Require.that(initLr >= 0 && Double.isFinite(initLr), "initLr must be finite and at least 0, not %s", initLr);
    }
}
