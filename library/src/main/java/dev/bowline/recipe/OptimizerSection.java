package dev.bowline.recipe;

import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.OptimizerName.Hyperparameter;
import dev.bowline.optim.StateDtype;
import dev.bowline.recipe.Key.Default;

/// The optimizer and its constants.
///
/// Weight decay is decoupled and applies to tensors of two or more dimensions: norms, biases and other vectors and
/// scalars do not decay unless `decayNormsAndBiases`.
///
/// @param lr the highest learning rate, above 0
/// @param eps above 0
/// @param weightDecay at least 0
/// @param stateDtype the dtype of the moments
public record OptimizerSection(
        OptimizerName name,
        double lr,
        Betas betas,
        double eps,
        double weightDecay,
        boolean decayNormsAndBiases,
        StateDtype stateDtype) {

    /// Adam's two decay rates: of the mean of the gradient and of the mean of its square.
    public record Betas(double first, double second) {
        public Betas {
            NumberTypes.DECAY_RATE.require("optimizer.betas[0]", first);
            NumberTypes.DECAY_RATE.require("optimizer.betas[1]", second);
        }
    }

    static final Section SECTION = new Section("optimizer");

    static final Key<OptimizerName> NAME = SECTION.key(
            "name",
            TextTypes.oneOf(OptimizerName.values()),
            Default.of(OptimizerName.ADAMW, "as most recipes"),
            "The optimizer.");

    static final Key<Double> LR =
            SECTION.key("lr", NumberTypes.above(0, "1e-5"), Default.required(), "The highest learning rate.");

    static final Key<Betas> BETAS = SECTION.key(
            "betas",
            NumberTypes.betas(),
            Default.of(new Betas(0.9, 0.999), "as PyTorch"),
            "Decay rates of the two moments.");

    static final Key<Double> EPS = SECTION.key(
            "eps",
            NumberTypes.above(0, "1e-8"),
            Default.of(1e-8, "as PyTorch"),
            "Added to the root of the second moment.");

    static final Key<Double> WEIGHT_DECAY = SECTION.key(
            "weight_decay",
            NumberTypes.atLeast(0, "0.01"),
            Default.of(0.01, "as PyTorch"),
            "Decoupled weight decay of tensors with two or more dimensions.");

    static final Key<Boolean> DECAY_NORMS_AND_BIASES = SECTION.key(
            "decay_norms_and_biases",
            TextTypes.trueOrFalse(),
            Default.of(false, "decay pulls a norm towards nothing"),
            "Whether vectors and scalars decay too.");

    static final Key<StateDtype> STATE_DTYPE = SECTION.key(
            "state_dtype",
            TextTypes.oneOf(StateDtype.values()),
            Default.of(StateDtype.FLOAT32, "exact"),
            "Dtype of the moments; int8 has a scale for each block of 256 elements.");

    public OptimizerSection {
        LR.require(lr);
        EPS.require(eps);
        WEIGHT_DECAY.require(weightDecay);
    }

    static OptimizerSection of(RecipeValues values) {
        return new OptimizerSection(
                values.use(NAME),
                values.use(LR),
                values.use(BETAS),
                values.use(EPS),
                values.use(WEIGHT_DECAY),
                values.use(DECAY_NORMS_AND_BIASES),
                values.use(STATE_DTYPE));
    }

    static void check(RecipeValues values) {
        values.find(NAME).ifPresent(name -> {
            refuseUnused(values, name, Hyperparameter.BETAS, BETAS);
            refuseUnused(values, name, Hyperparameter.EPSILON, EPS);
            refuseUnused(values, name, Hyperparameter.STATE_DTYPE, STATE_DTYPE);
        });
        if (values.is(WEIGHT_DECAY, 0.0)) {
            values.refuseWithoutEffect(DECAY_NORMS_AND_BIASES, "with weight_decay: 0");
        }
    }

    /// Refuses a hyperparameter that the recipe's optimizer does not have.
    private static void refuseUnused(
            RecipeValues values, OptimizerName name, Hyperparameter hyperparameter, Key<?> key) {
        if (!name.uses(hyperparameter)) {
            values.refuseWithoutEffect(
                    key, _ -> true, "with optimizer.name: " + NAME.type().write(name));
        }
    }
}
