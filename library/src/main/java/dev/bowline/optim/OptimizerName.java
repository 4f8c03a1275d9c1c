package dev.bowline.optim;

import java.util.EnumSet;
import java.util.Set;

/// The optimizers, by their names in recipes (`optimizer.name`).
public enum OptimizerName {
    /// See [AdamW].
    ADAMW(EnumSet.allOf(Hyperparameter.class)) {
        @Override
        public OptimizerSettings settings(Hyperparameters h) {
            return new AdamW.Settings(h.beta1(), h.beta2(), h.epsilon(), h.weightDecay(), h.decayed(), h.stateDtype());
        }
    },
    /// See [Adafactor].
    ADAFACTOR(EnumSet.noneOf(Hyperparameter.class)) {
        @Override
        public OptimizerSettings settings(Hyperparameters h) {
            return new Adafactor.Settings(h.weightDecay(), h.decayed());
        }
    };

    /// A hyperparameter that some optimizers have and others do not.
    public enum Hyperparameter {
        BETAS,
        EPSILON,
        STATE_DTYPE
    }

    private final Set<Hyperparameter> used;

    OptimizerName(Set<Hyperparameter> used) {
        this.used = used;
    }

    /// True if `hyperparameter` changes the steps of this optimizer.
    public boolean uses(Hyperparameter hyperparameter) {
        return used.contains(hyperparameter);
    }

    /// The settings of this optimizer; hyperparameters that it does not use are ignored.
    public abstract OptimizerSettings settings(Hyperparameters hyperparameters);
}
