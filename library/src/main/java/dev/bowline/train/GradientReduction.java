package dev.bowline.train;

import dev.bowline.optim.Gradients;

/// The point of a training step where the ranks of a distributed run combine their results. A single process has
/// [#NONE].
///
/// A step calls each method once, in the order of this interface: the target tokens before the first forward pass; the
/// gradients and the loss after the last backward pass, before norm, clipping and update. Every rank then has the same
/// gradients, norm and loss, so all ranks take the step or none does.
public interface GradientReduction {

    /// One process: nothing to combine.
    GradientReduction NONE = new GradientReduction() {
        @Override
        public long sumTargetTokens(long targetTokens) {
            return targetTokens;
        }

        @Override
        public void sumGradients(Gradients gradients) {}

        @Override
        public double sumLoss(double loss) {
            return loss;
        }
    };

    /// The target tokens of a step over all ranks. The loss of every micro-batch is a sum divided by this number,
    /// so the sum of gradients over ranks is the gradient of the mean loss.
    ///
    /// @param targetTokens the target tokens of this rank
    long sumTargetTokens(long targetTokens);

    /// Replaces every gradient by its sum over all ranks, in place. The gradients have each distinct trainable
    /// parameter once, a tied weight under its canonical name, in the same order on every rank.
    void sumGradients(Gradients gradients);

    /// @param loss the loss of this rank's micro-batches, already divided
    double sumLoss(double loss);
}
