package dev.bowline.recipe;

import dev.bowline.optim.Schedule;
import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.RecipeValues.Conflict;
import java.util.List;
import java.util.Optional;

/// The learning rate over time: from `initLr` up to the optimizer's over the warm-up, then down to `minLr`.
///
/// @param warmupSteps steps of the warm-up, at least 0; empty for a tenth of the run's steps, at most 1000
/// @param decaySteps the step, counted from the first, at which `minLr` is reached; empty for the run's last
/// @param minLr the rate at the end of the decay and after it
/// @param initLr the rate the warm-up starts from
/// @param startAtInitLr true uses `initLr` in the first step, and not the rate one step above it
public record LrScheduler(
        Schedule.Decay decayStyle,
        Optional<Integer> warmupSteps,
        Optional<Integer> decaySteps,
        double minLr,
        double initLr,
        boolean startAtInitLr) {

    static final Section SECTION = new Section("lr_scheduler");

    static final Key<Schedule.Decay> LR_DECAY_STYLE = SECTION.key(
            "lr_decay_style",
            TextTypes.oneOf(Schedule.Decay.values()),
            Default.of(Schedule.Decay.CONSTANT, "no decay"),
            "Decay of the learning rate after the warm-up.");

    static final Key<Optional<Integer>> LR_WARMUP_STEPS = SECTION.key(
            "lr_warmup_steps",
            NumberTypes.integerFrom(0).optional(),
            Default.of(Optional.of(0), "no warm-up"),
            "Steps from init_lr up to optimizer.lr; null is a tenth of the run's steps, at most 1000.");

    static final Key<Optional<Integer>> LR_DECAY_STEPS = SECTION.key(
            "lr_decay_steps",
            NumberTypes.integerFrom(1).optional(),
            Default.of(Optional.empty(), "the run's last step"),
            "Step at which min_lr is reached, counted from the start of the warm-up.");

    static final Key<Double> MIN_LR = SECTION.key(
            "min_lr",
            NumberTypes.atLeast(0, "1e-6"),
            Default.of(0.0, "decays to zero"),
            "Learning rate at the end of the decay.");

    static final Key<Double> INIT_LR = SECTION.key(
            "init_lr",
            NumberTypes.atLeast(0, "1e-7"),
            Default.of(0.0, "starts from zero"),
            "Learning rate at the start of the warm-up.");

    static final Key<Boolean> START_AT_INIT_LR = SECTION.key(
            "start_at_init_lr",
            TextTypes.trueOrFalse(),
            Default.of(false, "the first step is one step up from init_lr"),
            "Uses init_lr itself in the first step, as AutoModel does; optimizer.lr is then reached one step later.");

    public LrScheduler {
        LR_WARMUP_STEPS.require(warmupSteps);
        LR_DECAY_STEPS.require(decaySteps);
        MIN_LR.require(minLr);
        INIT_LR.require(initLr);
        Conflict.refuse(longWarmup(warmupSteps, decaySteps));
    }

    static LrScheduler of(RecipeValues values) {
        return new LrScheduler(
                values.use(LR_DECAY_STYLE),
                values.use(LR_WARMUP_STEPS),
                values.use(LR_DECAY_STEPS),
                values.use(MIN_LR),
                values.use(INIT_LR),
                values.use(START_AT_INIT_LR));
    }

    static void check(RecipeValues values) {
        Optional<Integer> warmup = values.findSome(LR_WARMUP_STEPS);
        values.refuse(longWarmup(warmup, values.findSome(LR_DECAY_STEPS)), LR_WARMUP_STEPS);
        Optional<Integer> last = values.findSome(StepScheduler.MAX_STEPS);
        if (last.isPresent() && warmup.orElse(0) > last.get()) {
            values.refuse(
                    "lr_scheduler.lr_warmup_steps %d is above max_steps %d, so optimizer.lr is never reached"
                            .formatted(warmup.orElse(0), last.get()),
                    "write at most %d, or raise max_steps".formatted(last.get()),
                    LR_WARMUP_STEPS);
        }
        for (Key<Double> rate : List.of(MIN_LR, INIT_LR)) {
            double highest = values.find(OptimizerSection.LR).orElse(Double.MAX_VALUE);
            if (values.find(rate).orElse(0.0) > highest) {
                values.refuse(
                        "%s %s is above optimizer.lr %s"
                                .formatted(
                                        rate.path(),
                                        values.yaml(rate).orElseThrow(),
                                        values.yaml(OptimizerSection.LR).orElseThrow()),
                        "write at most optimizer.lr",
                        rate);
            }
        }
        if (values.is(LR_DECAY_STYLE, Schedule.Decay.CONSTANT)) {
            values.refuseWithoutEffect(LR_DECAY_STEPS, "with lr_decay_style: constant");
            values.refuseWithoutEffect(MIN_LR, "with lr_decay_style: constant");
        }
        if (values.is(LR_WARMUP_STEPS, Optional.of(0))) {
            values.refuseWithoutEffect(INIT_LR, "without lr_warmup_steps");
            values.refuseWithoutEffect(START_AT_INIT_LR, "without lr_warmup_steps");
        }
    }

    private static Optional<Conflict> longWarmup(Optional<Integer> warmup, Optional<Integer> decay) {
        int steps = warmup.orElse(0);
        return decay.filter(end -> steps > end)
                .map(end -> new Conflict(
                        "lr_scheduler.lr_warmup_steps %d is above lr_decay_steps %d, which includes the warm-up"
                                .formatted(steps, end),
                        "write at most %d, or raise lr_decay_steps".formatted(end)));
    }
}
