package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.Gradients;
import dev.bowline.optim.StepGradients;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;

/// The sums of gradients of a [ShardedModel]: each rank adds those of its share, in float32 and in the order of the
/// micro-batches, so that the sums do not depend on the number of ranks.
///
/// The micro-batches are dealt in turn. In a pass the ranks compute consecutive micro-batches, and the gradients of a
/// layer travel, in their own dtype, as soon as the layer has them.
final class ShardedSummation implements GradientReduction {

    private final ProcessGroup group;
    private final List<ShardedUnit> units;
    private final ShardedModel model;
    private final Map<ShardedFlat, Sums> sums = new LinkedHashMap<>();
    private int microBatches;
    private int pass;
    private Optional<ShardGradients> result = Optional.empty();

    /// @param present the parameters that got a gradient from any micro-batch
    private record Sums(PairwiseSums own, BitSet present) {}

    ShardedSummation(ProcessGroup group, List<ShardedUnit> units, ShardedModel model) {
        this.group = group;
        this.units = units;
        this.model = model;
        for (ShardedUnit unit : units) {
            for (ShardedFlat flat : unit.flats()) {
                sums.put(flat, new Sums(new PairwiseSums(flat.ownPieces().size()), new BitSet()));
            }
        }
    }

    @Override
    public Share share(int microBatches) {
        this.microBatches = microBatches;
        pass = 0;
        return ShardedModel.share(group.rank(), group.worldSize(), microBatches);
    }

    /// True if a rank computes a micro-batch in the present pass.
    private boolean computes(int rank) {
        return pass * group.worldSize() + rank < microBatches;
    }

    @Override
    public void accumulated(Gradients gradients) {
        model.endPass();
        pass++;
    }

    /// Sends the gradients of a unit to the ranks that sum them, and frees them.
    void reduce(ShardedUnit unit) {
        try (NoGradGuard _ = new NoGradGuard()) {
            for (ShardedFlat flat : unit.flats()) {
                Sums total = Objects.requireNonNull(sums.get(flat));
                total.present().or(flat.reduce(this::computes, total.own()::add));
            }
        }
    }

    @Override
    public double[] gather(double[] own, int microBatches) {
        model.release();
        return MicroBatchValues.gather(
                group, own, microBatches, rank -> ShardedModel.share(rank, group.worldSize(), microBatches));
    }

    @Override
    public StepGradients reduce(Gradients gradients) {
        ShardGradients reduced =
                new ShardGradients(group, List.copyOf(gradients.parameters().keySet()));
        try (NoGradGuard _ = new NoGradGuard()) {
            sums.forEach((flat, each) -> {
                reduced.add(flat, each.own().take(), each.present());
                each.present().clear();
            });
        }
        result = Optional.of(reduced);
        return reduced;
    }

    /// The gradients of the step that is being updated.
    ShardGradients result() {
        return result.orElseThrow();
    }

    @Override
    public void onFirst(Runnable work) {
        model.onFirst(Optional.empty(), work);
    }

    @Override
    public boolean isDivided() {
        return true;
    }

    @Override
    public RuntimeException reason(RuntimeException failure) {
        return model.reason(failure);
    }

    @Override
    public void clear() {
        sums.values().forEach(each -> {
            each.own().close();
            each.present().clear();
        });
        units.forEach(unit -> unit.flats().forEach(ShardedFlat::clearGradients));
        result.ifPresent(ShardGradients::clear);
        model.release();
    }

    @Override
    public void close() {
        clear();
        model.close();
    }
}
