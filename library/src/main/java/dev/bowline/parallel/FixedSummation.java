package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// Sums gradients in an order that does not depend on the number of ranks, so that weights and optimizer state are the
/// same, bit for bit, for any number of ranks.
///
/// The gradient of each micro-batch is kept apart. A rank adds those of its block in float32 ([PartialSums]), and the
/// blocks of all ranks are added in the same pairwise order: each rank receives the parts of all ranks for its share of
/// the elements, adds them, and gives the sums to all ([UnitSum]). A sum is rounded to the dtype of the parameter once.
///
/// Each rank must compute with the same number of threads.
public final class FixedSummation extends OverlappedSummation {

    private final Optional<ProcessGroup> group;
    private final Map<Integer, PartialSums> sums = new HashMap<>();

    /// @param group the ranks, which stay the caller's; empty for one process
    /// @param units of the model whose passes the caller lets this object observe; empty to sum after the passes
    public FixedSummation(Optional<ProcessGroup> group, Optional<GradientUnits> units) {
        super(units);
        this.group = group.filter(ranks -> ranks.worldSize() > 1);
    }

    @Override
    Share dealt(int microBatches) {
        return group.map(ranks -> new MicroBatchBlocks(ranks.worldSize()).of(ranks.rank(), microBatches))
                .orElseGet(() -> Share.block(0, microBatches));
    }

    @Override
    void collect(int unit, List<Parameter> parameters) {
        sums.computeIfAbsent(unit, _ -> new PartialSums(parameters)).add();
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
    Optional<Travelling> send(int unit, List<Parameter> parameters) {
        List<Optional<Tensor>> own = sums.containsKey(unit)
                ? sums.get(unit).take()
                : parameters.stream().map(_ -> Optional.<Tensor>empty()).toList();
        if (group.isPresent()) {
            return parameters.isEmpty() ? Optional.empty() : Optional.of(UnitSum.send(group.get(), parameters, own));
        }
        for (int i = 0; i < parameters.size(); i++) {
            Parameter parameter = parameters.get(i);
            own.get(i).ifPresent(sum -> replaceGradient(parameter, sum));
        }
        return Optional.empty();
    }

    /// @param sum float32, which this method frees
    private static void replaceGradient(Parameter parameter, Tensor sum) {
        try (sum;
                TensorScope _ = TensorScope.open()) {
            requireUnchanged(parameter);
            parameter.replaceGradient(Ops.cast(sum, parameter.dtype()).view(parameter.shape()));
        }
    }

    @Override
    public void onFirst(Runnable work) {
        if (group.map(ProcessGroup::isFirst).orElse(true)) {
            work.run();
        }
    }

    @Override
    public void clear() {
        super.clear();
        sums.values().forEach(PartialSums::close);
    }
}
