package dev.bowline.recipe;

import dev.bowline.optim.Decayed;
import dev.bowline.optim.Hyperparameters;
import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.OptimizerName.Hyperparameter;
import dev.bowline.optim.StateDtype;
import dev.bowline.recipe.Key.Default;
import java.util.List;

/// The optimizer and its hyperparameters.
///
/// @param lr the highest learning rate, above 0
public record OptimizerSection(OptimizerName name, double lr, Hyperparameters hyperparameters) {

    static final Section SECTION = new Section("optimizer");

    static final Key<OptimizerName> NAME = SECTION.key(
            "name",
            TextTypes.oneOf(OptimizerName.values()),
            Default.of(OptimizerName.ADAMW, "as most recipes"),
            "The optimizer.");

    static final Key<Double> LR =
            SECTION.key("lr", NumberTypes.above(0, "1e-5"), Default.required(), "Peak learning rate.");

    static final Key<List<Double>> BETAS = SECTION.key(
            "betas",
            NumberTypes.betas(),
            Default.of(List.of(0.9, 0.999), "as PyTorch"),
            "Decay rates of the two moments.");

    static final Key<Double> EPS = SECTION.key(
            "eps",
            NumberTypes.above(0, "1e-8"),
            Default.of(1e-8, "as PyTorch"),
            "Added to the square root of the second moment.");

    static final Key<Double> WEIGHT_DECAY = SECTION.key(
            "weight_decay",
            NumberTypes.atLeast(0, "0.01"),
            Default.of(0.01, "as PyTorch"),
            "Decoupled weight decay of tensors with two or more dimensions.");

    static final Key<Boolean> DECAY_NORMS_AND_BIASES = SECTION.key(
            "decay_norms_and_biases",
            TextTypes.trueOrFalse(),
            Default.of(false, "weight decay pulls norms towards zero"),
            "Applies weight decay to vectors and scalars too.");

    static final Key<StateDtype> STATE_DTYPE = SECTION.key(
            "state_dtype",
            TextTypes.oneOf(StateDtype.values()),
            Default.of(StateDtype.FLOAT32, "exact"),
            "Dtype of the moments; int8 has a scale for each block of 256 elements.");

    public OptimizerSection {
        LR.require(lr);
        BETAS.require(List.of(hyperparameters.beta1(), hyperparameters.beta2()));
        EPS.require(hyperparameters.epsilon());
        WEIGHT_DECAY.require(hyperparameters.weightDecay());
    }

    static OptimizerSection of(RecipeValues values) {
        List<Double> betas = values.use(BETAS);
        return new OptimizerSection(
                values.use(NAME),
                values.use(LR),
                new Hyperparameters(
                        betas.getFirst(),
                        betas.getLast(),
                        values.use(EPS),
                        values.use(WEIGHT_DECAY),
                        values.use(DECAY_NORMS_AND_BIASES) ? Decayed.EVERYTHING : Decayed.MATRICES,
                        values.use(STATE_DTYPE)));
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
