package dev.bowline.parallel;

import dev.bowline.BowlineException;
import dev.bowline.nn.LinearStack;
import dev.bowline.nn.Parameter;
import dev.bowline.parallel.ShardPlacement.Piece;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// The weights of a layer's experts, of which each rank computes a part: the values of the other experts are never here
/// while ranks train.
///
/// The gradients of the rows of each rank stay apart, in a stack for each rank, so that they are summed in the order of
/// the micro-batches.
final class ExpertFlat extends ShardedFlat {

    /// Kernels compute a slice that begins and ends at a multiple of this number as they compute the whole.
    private static final long ALIGNMENT = ShardPlacement.ALIGNMENT;

    private final ExpertRanks ranks;
    private final int experts;
    private final Tensor part;
    private final List<LinearStack> sources = new ArrayList<>();

    /// @param stack the experts of a layer
    /// @throws BowlineException if the ranks cannot divide the values
    ExpertFlat(ExpertRanks ranks, LinearStack stack, Runnable require) {
        super(ranks.world(), named(stack), placement(ranks, stack), require);
        this.ranks = ranks;
        long[] shape = stack.weight().shape();
        int each = perPart(ranks, stack);
        experts = Math.toIntExact(Math.clamp(shape[0] - (long) ranks.part() * each, 0, each));
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            long elements = share() * ranks.divisor();
            part = ranks.divisor() == 1 ? shard() : flat().narrow(0, ranks.part() * elements, elements);
            part.retainReference();
            for (int source = 0; source < ranks.parts(); source++) {
                LinearStack own = new LinearStack(stack.path(), experts, shape[2], shape[1]);
                own.weight()
                        .get()
                        .materialize(
                                part.narrow(0, 0, experts * shape[1] * shape[2]).view(experts, shape[1], shape[2]));
                sources.add(own);
            }
        }
    }

    private static SequencedMap<String, Parameter> named(LinearStack stack) {
        return new LinkedHashMap<>(Map.of(stack.path(), stack.weight().get()));
    }

    /// The experts of a part; the last parts may have fewer.
    private static int perPart(ExpertRanks ranks, LinearStack stack) {
        return Math.ceilDiv(stack.experts().size(), ranks.parts());
    }

    private static ShardPlacement placement(ExpertRanks ranks, LinearStack stack) {
        long[] shape = stack.weight().shape();
        long part = perPart(ranks, stack) * shape[1] * shape[2];
        if (part % (ALIGNMENT * ranks.divisor()) != 0) {
            throw new BowlineException(
                    "'%s' %s: %d ranks have %d experts of it, and their %d elements are not a multiple of %d"
                            .formatted(
                                    stack.path(),
                                    Shapes.text(shape),
                                    ranks.divisor(),
                                    perPart(ranks, stack),
                                    part,
                                    ALIGNMENT * ranks.divisor()),
                    "choose another distributed.ep_size, such as the number of ranks or 1");
        }
        return new ShardPlacement(part / ranks.divisor(), List.of(0L));
    }

    /// The number of experts that this rank computes.
    int experts() {
        return experts;
    }

    /// For each rank that shares the experts, in order, the experts that compute its rows.
    List<LinearStack> sources() {
        return List.copyOf(sources);
    }

    @Override
    void gather() {
        ranks.dividing().ifPresent(group -> group.allGather(part, shard()).await());
    }

    @Override
    BitSet reduce(IntPredicate computes, Consumer<List<Optional<Tensor>>> sums) {
        try (TensorScope _ = TensorScope.open()) {
            List<Optional<Tensor>> gradients = sources.stream()
                    .map(source -> source.weight().get().gradient().map(gradient -> gradient.view(-1)))
                    .toList();
            BitSet present = new BitSet();
            present.set(0, gradients.stream().anyMatch(Optional::isPresent));
            if (present.get(0)) {
                List<List<Tensor>> received = exchanged(gradients.stream()
                        .map(gradient ->
                                gradient.orElseThrow(() -> new IllegalStateException("a rank's rows have no gradient")))
                        .toList());
                for (int rank = 0; rank < group().worldSize(); rank++) {
                    if (computes.test(rank)) {
                        sums.accept(leaf(received.get(rank % ranks.divisor()).get(rank / ranks.divisor())));
                    }
                }
            }
            clearGradients();
            return present;
        }
    }

    /// Gives each rank that divides the values of this part the gradients of its share.
    ///
    /// @param gradients of the rows of each rank that shares experts with this one
    /// @return for each rank that divides the values, and each rank that shares experts with that one, the
    ///     gradients of this rank's share
    private List<List<Tensor>> exchanged(List<Tensor> gradients) {
        if (ranks.dividing().isEmpty()) {
            return List.of(gradients);
        }
        int count = gradients.size();
        Tensor sent = Ops.empty(Device.CPU, dtype(), ranks.divisor(), count, share());
        for (int source = 0; source < count; source++) {
            Tensor gradient = gradients.get(source);
            for (int rank = 0; rank < ranks.divisor(); rank++) {
                long from = rank * share();
                long length = Math.clamp(gradient.numel() - from, 0, share());
                if (length > 0) {
                    sent.select(0, rank).select(0, source).narrow(0, 0, length).copy_(gradient.narrow(0, from, length));
                }
            }
        }
        Tensor received = Ops.empty(Device.CPU, dtype(), ranks.divisor(), count, share());
        long[] even = new long[ranks.divisor()];
        Arrays.fill(even, count * share());
        ranks.dividing()
                .get()
                .allToAll(received.view(-1), even, sent.view(-1), even)
                .await();
        List<List<Tensor>> all = new ArrayList<>();
        for (int rank = 0; rank < ranks.divisor(); rank++) {
            List<Tensor> ofRank = new ArrayList<>();
            for (int source = 0; source < count; source++) {
                ofRank.add(received.select(0, rank).select(0, source));
            }
            all.add(ofRank);
        }
        return all;
    }

    private List<Optional<Tensor>> leaf(Tensor gradient) {
        List<Optional<Tensor>> leaf = new ArrayList<>();
        for (Piece piece : ownPieces()) {
            leaf.add(Optional.of(wide(gradient.narrow(0, piece.at(), piece.length()))));
        }
        return leaf;
    }

    @Override
    void clearGradients() {
        sources.forEach(source -> source.weight().get().clearGradient());
    }

    @Override
    public void close() {
        sources.forEach(source -> source.weight().get().close());
        part.close();
        super.close();
    }
}
