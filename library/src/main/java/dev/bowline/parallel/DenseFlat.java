package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.Parameter;
import dev.bowline.parallel.ShardPlacement.Piece;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.bytedeco.pytorch.Tensor;

/// Parameters that every rank computes with: their values are gathered and freed together, and their gradients travel
/// to the ranks that sum them.
final class DenseFlat extends ShardedFlat {

    DenseFlat(ProcessGroup group, SequencedMap<String, Parameter> parameters, Runnable require) {
        super(group, parameters, ShardPlacement.of(elements(parameters), group.worldSize()), require);
    }

    @Override
    void gather() {
        group().allGather(flat(), shard()).await();
    }

    @Override
    BitSet reduce(IntPredicate computes, Consumer<List<Optional<Tensor>>> sums) {
        try (TensorScope _ = TensorScope.open()) {
            int world = group().worldSize();
            Tensor sent = Ops.empty(Device.CPU, dtype(), share() * world);
            BitSet own = take(computes.test(group().rank()), sent);
            Presence presence = Presence.gather(group(), own, parameters().size());
            Tensor parts = Ops.empty(Device.CPU, dtype(), world, share());
            long[] even = new long[world];
            Arrays.fill(even, share());
            group().allToAll(parts.view(-1), even, sent, even).await();
            BitSet present = new BitSet();
            for (int rank = 0; rank < world; rank++) {
                present.or(presence.ranks().get(rank));
                if (computes.test(rank)) {
                    sums.accept(leaf(parts.select(0, rank), presence.ranks().get(rank)));
                }
            }
            return present;
        }
    }

    /// Moves the gradients of this rank into flat memory.
    ///
    /// @return the parameters that have one; none in a pass without effect
    private BitSet take(boolean computes, Tensor sent) {
        BitSet present = new BitSet();
        for (int i = 0; i < parameters().size(); i++) {
            Parameter parameter = parameters().get(i);
            Optional<Tensor> gradient = parameter.gradient();
            if (gradient.isPresent() && computes) {
                of(sent, i).copy_(gradient.get().reshape(-1));
                present.set(i);
            }
            parameter.clearGradient();
        }
        return present;
    }

    /// @param part the gradients of one rank for this rank's share
    private List<Optional<Tensor>> leaf(Tensor part, BitSet present) {
        List<Optional<Tensor>> leaf = new ArrayList<>();
        for (Piece piece : ownPieces()) {
            leaf.add(
                    present.get(piece.parameter())
                            ? Optional.of(wide(part.narrow(0, piece.at(), piece.length())))
                            : Optional.empty());
        }
        return leaf;
    }
}
