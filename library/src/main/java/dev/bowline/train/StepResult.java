package dev.bowline.train;

/// The measurements of one optimizer step.
///
/// @param step from 1
/// @param epoch passes over the data completed before this step
/// @param loss mean cross-entropy over the step's target tokens, in nats
/// @param gradNorm the norm of all gradients before clipping
/// @param learningRate the rate of this step
/// @param tokens tokens that were not padding
/// @param targetTokens tokens that were predicted
/// @param seconds of the whole step
public record StepResult(
        long step,
        int epoch,
        double loss,
        double gradNorm,
        double learningRate,
        long tokens,
        long targetTokens,
        double seconds) {

    public double tokensPerSecond() {
        return tokens / seconds;
    }
}
