package dev.bowline.train;

/// The measurements of one optimizer step.
///
/// @param step from 1
/// @param epoch the number of passes over the data completed before this step
/// @param loss mean cross-entropy over the step's target tokens, in nats
/// @param gradNorm the norm of all gradients before clipping
/// @param learningRate the rate of this step
/// @param tokens the number of tokens without padding
/// @param targetTokens the number of tokens that were predicted
/// @param seconds the time of the whole step
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
