package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.Gradients;
import dev.bowline.optim.StepGradients;
import dev.bowline.parallel.FlatLayout.Bucket;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Sums gradients in an order that does not depend on the number of ranks, so that weights and optimizer state are the
/// same, bit for bit, for any number of ranks.
///
/// The gradient of each micro-batch is kept apart. A rank adds those of its block in float32 ([PartialSums]), and the
/// blocks of all ranks are added in the same pairwise order: each rank receives the parts of all ranks for its share of
/// the elements, adds them, and gives the sums to all. A sum is rounded to the dtype of the parameter once.
///
/// Each rank must compute with the same number of threads.
public final class FixedSummation implements GradientReduction {

    private final Optional<ProcessGroup> group;
    private Optional<PartialSums> sums = Optional.empty();

    /// @param group the ranks, which stay the caller's; empty for one process
    public FixedSummation(Optional<ProcessGroup> group) {
        this.group = group.filter(ranks -> ranks.worldSize() > 1);
    }

    @Override
    public Share share(int microBatches) {
        return group.map(ranks -> new MicroBatchBlocks(ranks.worldSize()).of(ranks.rank(), microBatches))
                .orElseGet(() -> Share.block(0, microBatches));
    }

    @Override
    public void accumulated(Gradients gradients) {
        if (sums.isEmpty()) {
            sums = Optional.of(
                    new PartialSums(List.copyOf(gradients.parameters().values())));
        }
        sums.get().add();
    }

    @Override
    public double[] gather(double[] own, int microBatches) {
        return group.map(ranks -> MicroBatchValues.gather(
                        ranks,
                        own,
                        microBatches,
                        rank -> new MicroBatchBlocks(ranks.worldSize()).of(rank, microBatches)))
                .orElseGet(own::clone);
    }

    @Override
    public StepGradients reduce(Gradients gradients) {
        List<Parameter> parameters = List.copyOf(gradients.parameters().values());
        List<Optional<Tensor>> own = sums.map(PartialSums::take)
                .orElseGet(() ->
                        parameters.stream().map(_ -> Optional.<Tensor>empty()).toList());
        try (NoGradGuard _ = new NoGradGuard()) {
            List<Optional<Tensor>> total = group.isPresent() ? overRanks(group.get(), parameters, own) : own;
            for (int i = 0; i < parameters.size(); i++) {
                if (total.get(i).isPresent()) {
                    replaceGradient(parameters.get(i), total.get(i).get());
                }
            }
        }
        return gradients;
    }

    @Override
    public void onFirst(Runnable work) {
        if (group.map(ProcessGroup::isFirst).orElse(true)) {
            work.run();
        }
    }

    /// @param sum float32, which this method frees
    private static void replaceGradient(Parameter parameter, Tensor sum) {
        try (sum;
                TensorScope _ = TensorScope.open()) {
            parameter.replaceGradient(Ops.cast(sum, parameter.dtype()).view(parameter.shape()));
        }
    }

    /// @param own the sums of this rank, which become the sums of all
    private static List<Optional<Tensor>> overRanks(
            ProcessGroup group, List<Parameter> parameters, List<Optional<Tensor>> own) {
        BitSet have = new BitSet();
        for (int i = 0; i < own.size(); i++) {
            have.set(i, own.get(i).isPresent());
        }
        Presence presence = Presence.gather(group, have, own.size());
        List<Optional<Tensor>> total = new ArrayList<>();
        for (int i = 0; i < own.size(); i++) {
            Optional<Tensor> sum =
                    own.get(i).isPresent() || !presence.any(i) ? own.get(i) : Optional.of(empty(parameters.get(i)));
            total.add(sum);
        }
        for (Bucket bucket : FlatLayout.of(parameters).buckets()) {
            try (TensorScope _ = TensorScope.open()) {
                new BucketSum(group, presence).replace(bucket, total, have);
            }
        }
        return total;
    }

    private static Tensor empty(Parameter parameter) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor sum = Ops.empty(Device.CPU, Dtype.FLOAT32, parameter.shape());
            sum.retainReference();
            return sum;
        }
    }

    @Override
    public void clear() {
        sums.ifPresent(PartialSums::close);
    }

    @Override
    public void close() {
        clear();
    }
}
