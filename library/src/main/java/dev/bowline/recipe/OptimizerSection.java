package dev.bowline.recipe;

import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.StateDtype;

/// The optimizer and its constants.
///
/// Weight decay is decoupled and applies to tensors of two or more dimensions: norms, biases and other vectors and
/// scalars are left alone unless `decayNormsAndBiases`.
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

    public OptimizerSection {
        Require.that(lr > 0 && Double.isFinite(lr), "lr must be finite and above 0, not %s", lr);
        Require.that(eps > 0 && Double.isFinite(eps), "eps must be finite and above 0, not %s", eps);
        Require.that(
                weightDecay >= 0 && Double.isFinite(weightDecay),
                "weightDecay must be finite and at least 0, not %s",
                weightDecay);
    }
}
