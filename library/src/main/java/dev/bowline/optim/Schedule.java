package dev.bowline.optim;

/// The learning rate of each optimizer step: a linear warm-up from `initial` to `peak`, then a decay to `minimum`.
///
/// The rate depends on the number of the step alone, so a resumed run needs no state.
///
/// @param decay the shape after the warm-up
/// @param peak the rate at the end of the warm-up
/// @param initial the rate at which the warm-up starts
/// @param minimum the rate at which the decay ends
/// @param warmupSteps the number of steps of the warm-up
/// @param decaySteps the step at which the decay reaches `minimum`, warm-up included
/// @param firstStep the rate of the first step
public record Schedule(
        Decay decay,
        double peak,
        double initial,
        double minimum,
        long warmupSteps,
        long decaySteps,
        FirstStep firstStep) {

    /// The rate of the first step of a warm-up.
    public enum FirstStep {
        /// One step above `initial`, so that the last step of the warm-up has `peak`.
        ABOVE_INITIAL,
        /// `initial`, so that the step after the warm-up is the first with `peak`, as in NeMo AutoModel.
        INITIAL
    }

    /// The shape of the decay.
    public enum Decay {
        CONSTANT,
        LINEAR,
        COSINE
    }

    public Schedule {
        if (!(peak > 0) || initial < 0 || minimum < 0 || minimum > peak) {
            throw new IllegalArgumentException("rates must satisfy 0 <= minimum <= peak and 0 <= initial: %s, %s, %s"
                    .formatted(minimum, peak, initial));
        }
        if (warmupSteps < 0 || decaySteps < warmupSteps) {
            throw new IllegalArgumentException(
                    "%d warm-up steps do not fit into %d".formatted(warmupSteps, decaySteps));
        }
    }

    /// A schedule whose first step is [FirstStep#ABOVE_INITIAL].
    public Schedule(Decay decay, double peak, double initial, double minimum, long warmupSteps, long decaySteps) {
        this(decay, peak, initial, minimum, warmupSteps, decaySteps, FirstStep.ABOVE_INITIAL);
    }

    public static Schedule constant(double rate) {
        return new Schedule(Decay.CONSTANT, rate, rate, rate, 0, 0);
    }

    /// @param step from 0
    public double rate(long step) {
        if (step < warmupSteps) {
            long done = switch (firstStep) {
                case ABOVE_INITIAL -> step + 1;
                case INITIAL -> step;
            };
            return initial + (peak - initial) * done / warmupSteps;
        }
        if (decay == Decay.CONSTANT) {
            return peak;
        }
        long length = decaySteps - warmupSteps;
        double done = length == 0 ? 1 : Math.min(1, (double) (step - warmupSteps) / length);
        return switch (decay) {
            case CONSTANT -> peak;
            case LINEAR -> peak + (minimum - peak) * done;
            case COSINE -> minimum + (peak - minimum) * 0.5 * (1 + Math.cos(Math.PI * done));
        };
    }
}
