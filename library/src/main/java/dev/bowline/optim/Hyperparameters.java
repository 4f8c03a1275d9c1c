package dev.bowline.optim;

/// The hyperparameters of a recipe's optimizer. An optimizer may use only some of them.
///
/// @param beta1 decay rate of the first moment
/// @param beta2 decay rate of the second moment
/// @param epsilon added to the root of the second moment
/// @param weightDecay decoupled, per step and unit of learning rate
/// @param decayed the parameters that weight decay applies to
/// @param stateDtype the dtype of the moments
public record Hyperparameters(
        double beta1, double beta2, double epsilon, double weightDecay, Decayed decayed, StateDtype stateDtype) {}
