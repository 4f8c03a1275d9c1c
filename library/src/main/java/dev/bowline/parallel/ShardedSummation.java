package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.Gradients;
import dev.bowline.optim.StepGradients;
import dev.bowline.parallel.ShardPlacement.Piece;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

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
                try (TensorScope _ = TensorScope.open()) {
                    reduce(flat);
                }
            }
        }
    }

    private void reduce(ShardedFlat flat) {
        Tensor sent = Ops.empty(Device.CPU, flat.dtype(), flat.share() * group.worldSize());
        Presence presence =
                Presence.gather(group, take(flat, sent), flat.parameters().size());
        Sums total = Objects.requireNonNull(sums.get(flat));
        for (int i = 0; i < flat.parameters().size(); i++) {
            if (presence.any(i)) {
                total.present().set(i);
            }
        }
        Tensor parts = Ops.empty(Device.CPU, flat.dtype(), group.worldSize(), flat.share());
        long[] even = new long[group.worldSize()];
        Arrays.fill(even, flat.share());
        group.allToAll(parts.view(-1), even, sent, even).await();
        for (int rank = 0; rank < group.worldSize() && computes(rank); rank++) {
            total.own().add(leaf(flat, parts.select(0, rank), presence.ranks().get(rank)));
        }
    }

    /// Moves the gradients of this rank into flat memory.
    ///
    /// @return the parameters that have one; none in a pass without effect
    private BitSet take(ShardedFlat flat, Tensor sent) {
        BitSet present = new BitSet();
        for (int i = 0; i < flat.parameters().size(); i++) {
            Parameter parameter = flat.parameters().get(i);
            Optional<Tensor> gradient = parameter.gradient();
            if (gradient.isPresent() && computes(group.rank())) {
                flat.of(sent, i).copy_(gradient.get().reshape(-1));
                present.set(i);
            }
            parameter.clearGradient();
        }
        return present;
    }

    /// @param part the gradients of one rank for this rank's share
    private static List<Optional<Tensor>> leaf(ShardedFlat flat, Tensor part, BitSet present) {
        List<Optional<Tensor>> leaf = new ArrayList<>();
        for (Piece piece : flat.ownPieces()) {
            if (present.get(piece.parameter())) {
                Tensor gradient = part.narrow(0, piece.at(), piece.length());
                Tensor wide = flat.dtype() == Dtype.FLOAT32 ? gradient.clone() : Ops.cast(gradient, Dtype.FLOAT32);
                wide.retainReference();
                leaf.add(Optional.of(wide));
            } else {
                leaf.add(Optional.empty());
            }
        }
        return leaf;
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
        model.onFirst(work);
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
        units.forEach(unit -> unit.flats().forEach(flat -> flat.parameters().forEach(Parameter::clearGradient)));
        result.ifPresent(ShardGradients::clear);
        model.release();
    }

    @Override
    public void close() {
        clear();
        model.close();
    }
}
