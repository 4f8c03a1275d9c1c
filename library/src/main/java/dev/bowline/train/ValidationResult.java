package dev.bowline.train;

/// The loss on held-out rows after a step.
///
/// @param step the step after which the loss was measured
/// @param epoch the number of passes over the training data completed before the measurement
/// @param loss mean cross-entropy over the target tokens, in nats
/// @param learningRate the learning rate of that step
/// @param targetTokens the number of tokens that were predicted
public record ValidationResult(long step, int epoch, double loss, double learningRate, long targetTokens) {}
