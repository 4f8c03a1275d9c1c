package dev.bowline.train;

/// The loss on held-out rows after a step.
///
/// @param step after which it was measured
/// @param epoch passes over the training data completed by then
/// @param loss mean cross-entropy over the target tokens, in nats
/// @param learningRate of that step
/// @param targetTokens tokens that were predicted
public record ValidationResult(long step, int epoch, double loss, double learningRate, long targetTokens) {}
