package dev.bowline.optim;

import java.util.List;
import java.util.stream.IntStream;

/// The sum of the gradients of a step's micro-batches, over this process and over the ranks of a distributed run.
///
/// A step calls [#share] first. It calls [#accumulated] after each backward pass, and [#ended], [#gather] and [#reduce]
/// once after the last. Every rank then has the same gradients and losses, so all ranks take the step or none
/// does. Gradients are sums: the loss of each micro-batch is divided by the target tokens of the whole step.
public interface GradientReduction extends AutoCloseable {

    /// One process: the backward passes add to the gradients, and nothing is left to combine.
    GradientReduction NONE = new GradientReduction() {
        @Override
        public Share share(int microBatches) {
            return Share.block(0, microBatches);
        }

        @Override
        public void accumulated(Gradients gradients) {}

        @Override
        public double[] gather(double[] own, int microBatches) {
            return own.clone();
        }

        @Override
        public StepGradients reduce(Gradients gradients) {
            return gradients;
        }

        @Override
        public void onFirst(Runnable work) {
            work.run();
        }

        @Override
        public void close() {}
    };

    /// The micro-batches of a rank.
    ///
    /// @param microBatches their numbers in the step, from 0, in ascending order
    /// @param passes the passes of every rank; a rank with fewer micro-batches repeats one without effect, because
    ///     the ranks exchange weights in each pass
    record Share(List<Integer> microBatches, int passes) {

        public Share {
            microBatches = List.copyOf(microBatches);
        }

        /// Consecutive micro-batches, for ranks that exchange nothing during a pass.
        ///
        /// @param to exclusive; equal to `from` for a rank without a micro-batch
        public static Share block(int from, int to) {
            return new Share(IntStream.range(from, to).boxed().toList(), to - from);
        }

        /// The number of micro-batches.
        public int size() {
            return microBatches.size();
        }
    }

    /// The micro-batches that this rank computes in the next step or validation.
    ///
    /// @param microBatches of the step or validation over all ranks
    Share share(int microBatches);

    /// Takes notice of the gradients of one pass, and may take them away.
    void accumulated(Gradients gradients);

    /// The last pass of a step has ended, also on a rank without one. The reduction may begin to send gradients.
    default void ended(Gradients gradients) {}

    /// The values of all micro-batches in their order.
    ///
    /// @param own a value for each micro-batch of this rank
    /// @param microBatches of the step over all ranks
    double[] gather(double[] own, int microBatches);

    /// Replaces every gradient by its sum over all micro-batches of all ranks. A parameter has a gradient afterwards if
    /// it got one from any micro-batch. The gradients have each distinct trainable parameter once, a tied weight
    /// under its canonical name, in the same order on every rank.
    ///
    /// @return the sums, which the update of the step reads
    StepGradients reduce(Gradients gradients);

    /// Runs `work` on the first rank. Every parameter has its whole values during the work: the other ranks send theirs
    /// as the work asks for them, and return when it has ended. Every rank calls this method at the same place.
    ///
    /// @param work may keep no tensor of a parameter's values
    void onFirst(Runnable work);

    /// True if a rank has a part of the parameters' values only.
    default boolean isDivided() {
        return false;
    }

    /// The reason of a failure that libtorch passed on without its type.
    default RuntimeException reason(RuntimeException failure) {
        return failure;
    }

    /// Forgets what was accumulated since the last [#reduce], after a step that failed.
    default void clear() {}

    @Override
    void close();
}
