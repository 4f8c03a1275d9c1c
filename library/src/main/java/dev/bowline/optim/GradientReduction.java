package dev.bowline.optim;

/// The sum of the gradients of a step's micro-batches, over this process and over the ranks of a distributed run.
///
/// A step calls [#share] first. It calls [#accumulated] after the backward pass of each own micro-batch, [#gather] and
/// [#reduce] once after the last. Every rank then has the same gradients and losses, so all ranks take the step or none
/// does. Gradients are sums: the loss of each micro-batch is divided by the target tokens of the whole step.
public interface GradientReduction extends AutoCloseable {

    /// One process: the backward passes add to the gradients, and nothing is left to combine.
    GradientReduction NONE = new GradientReduction() {
        @Override
        public Share share(int microBatches) {
            return new Share(0, microBatches);
        }

        @Override
        public void accumulated(Gradients gradients) {}

        @Override
        public double[] gather(double[] own, int microBatches) {
            return own.clone();
        }

        @Override
        public void reduce(Gradients gradients) {}

        @Override
        public void close() {}
    };

    /// The micro-batches of a rank, from 0.
    ///
    /// @param to exclusive; equal to `from` for a rank without a micro-batch
    record Share(int from, int to) {

        public int size() {
            return to - from;
        }
    }

    /// The micro-batches that this rank computes.
    ///
    /// @param microBatches of the step over all ranks
    Share share(int microBatches);

    /// Takes notice of the gradients of one micro-batch, and may take them away.
    void accumulated(Gradients gradients);

    /// The values of all micro-batches in their order.
    ///
    /// @param own a value for each micro-batch of this rank
    /// @param microBatches of the step over all ranks
    double[] gather(double[] own, int microBatches);

    /// Replaces every gradient by its sum over all micro-batches of all ranks. A parameter has a gradient afterwards if
    /// it got one from any micro-batch. The gradients have each distinct trainable parameter once, a tied weight
    /// under its canonical name, in the same order on every rank.
    void reduce(Gradients gradients);

    /// Forgets what was accumulated since the last [#reduce], after a step that failed.
    default void clear() {}

    @Override
    void close();
}
