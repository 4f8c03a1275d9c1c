package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// One pass through experts that ranks share. The rows travel to the ranks that have their experts, and the results
/// travel back; in the backward pass the gradients do the same.
///
/// A rank computes the rows of each rank apart, with products of the shapes that one rank alone would have, so the
/// results and the gradients are those of one rank, bit for bit.
///
/// Shapes: N tokens, K experts per token, P = N K rows of this rank sorted by expert, R rows that a rank sends here, H
/// width, I expert width.
final class SharedExperts {

    private final ExpertExchange ranks;
    private final int experts;
    private final Activation activation;
    private final int inner;

    SharedExperts(ExpertExchange ranks, int experts, Activation activation, int inner) {
        this.ranks = ranks;
        this.experts = experts;
        this.activation = activation;
        this.inner = inner;
    }

    /// The rows of one rank for the experts of this rank.
    ///
    /// @param products the experts of this rank
    /// @param counts of the rows of each expert
    /// @param total the experts of all ranks that have rows of that rank
    private record Source(ExpertProducts products, long[] counts, int total) {

        long size() {
            return Arrays.stream(counts).sum();
        }

        /// @return `[R, 1]` int64, the expert of each row
        Tensor index() {
            long[] index = new long[Math.toIntExact(size())];
            int from = 0;
            for (int expert = 0; expert < counts.length; expert++) {
                int end = from + Math.toIntExact(counts[expert]);
                Arrays.fill(index, from, end, expert);
                from = end;
            }
            return HostTensors.of(index, index.length, 1);
        }

        ExpertRows rows(Dtype dtype) {
            return ExpertRows.of(index(), counts.length, dtype).amongExperts(total);
        }
    }

    /// The numbers of rows that travel between this rank and each rank.
    private record Traffic(long[] toEach, long[] fromEach, List<Source> sources) {}

    /// @param x [N, H]
    /// @param index [N, K] int64, each row's experts
    /// @param weight [N, K], the routing weights
    /// @return [N, H], of x's dtype
    Tensor forward(Tensor x, Tensor index, Tensor weight) {
        ExpertRows rows;
        Traffic traffic;
        Tensor received;
        List<Computed> computed = new ArrayList<>();
        Tensor mixed;
        try (NoGradGuard _ = new NoGradGuard()) {
            rows = ExpertRows.of(index, experts);
            traffic = traffic(rows.counts());
            received = ranks.allToAll(
                    x.index_select(0, rows.tokens(weight.size(1))), traffic.toEach(), traffic.fromEach());
            Tensor results = Ops.newEmpty(x, Dtype.of(x.scalar_type()), received.size(0), x.size(1));
            for (Part part : parts(traffic.sources())) {
                computed.add(compute(part, part.of(received), part.of(results)));
            }
            Tensor y = ranks.allToAll(results, traffic.fromEach(), traffic.toEach());
            mixed = GatedExperts.mixed(y.index_select(0, rows.inverse()), x, weight);
        }
        return GradMode.is_enabled()
                ? attach(x, weight, mixed, rows, traffic, received, computed)
                : mixed.to(x.scalar_type());
    }

    private Traffic traffic(long[] counts) {
        long[] all = ranks.allGather(counts);
        int[] perRank = ranks.experts();
        int from = 0;
        long[] toEach = new long[perRank.length];
        int first = 0;
        for (int rank = 0; rank < perRank.length; rank++) {
            toEach[rank] = sum(counts, from, from + perRank[rank]);
            first = rank == ranks.place() ? from : first;
            from += perRank[rank];
        }
        List<Source> sources = new ArrayList<>();
        for (int rank = 0; rank < perRank.length; rank++) {
            long[] ofRank = Arrays.copyOfRange(all, rank * experts, (rank + 1) * experts);
            ExpertExchange.Stacks stacks = ranks.sources().get(rank);
            sources.add(new Source(
                    ExpertProducts.of(stacks.gateUp(), stacks.down(), activation, inner),
                    Arrays.copyOfRange(ofRank, first, first + perRank[ranks.place()]),
                    Math.toIntExact(
                            Arrays.stream(ofRank).filter(each -> each > 0).count())));
        }
        return new Traffic(toEach, sources.stream().mapToLong(Source::size).toArray(), sources);
    }

    private static long sum(long[] counts, int from, int end) {
        return Arrays.stream(counts, from, end).sum();
    }

    /// The rows of a source among all rows that this rank received.
    private record Part(Source source, long from) {

        Tensor of(Tensor received) {
            return received.narrow(0, from, source.size());
        }
    }

    private static List<Part> parts(List<Source> sources) {
        List<Part> parts = new ArrayList<>();
        long from = 0;
        for (Source source : sources) {
            parts.add(new Part(source, from));
            from += source.size();
        }
        return parts;
    }

    /// @param gateAndUp [R, 2 I]
    private record Computed(ExpertRows rows, Tensor gateAndUp) {}

    /// @param x [R, H]
    /// @param y [R, H], overwritten
    private static Computed compute(Part part, Tensor x, Tensor y) {
        ExpertRows rows = part.source().rows(Dtype.of(x.scalar_type()));
        ExpertProducts.Forward forward = part.source().products().forward(x, rows.order(), rows);
        y.copy_(forward.y().index_select(0, rows.inverse()));
        return new Computed(rows, forward.gateAndUp());
    }

    private Tensor attach(
            Tensor x,
            Tensor weight,
            Tensor mixed,
            ExpertRows rows,
            Traffic traffic,
            Tensor received,
            List<Computed> computed) {
        List<Tensor> saved = new ArrayList<>(List.of(weight, rows.order(), rows.inverse(), received));
        for (Computed each : computed) {
            saved.addAll(
                    List.of(each.gateAndUp(), each.rows().order(), each.rows().inverse()));
        }
        List<ExpertRows> counted = computed.stream().map(Computed::rows).toList();
        AutogradFunction.Backward backward = (kept, dy) -> backward(kept, dy, rows, traffic, counted);
        return GatedExperts.attach(x, weight, mixed, backward, saved.toArray(Tensor[]::new));
    }

    /// @param joined [N, H + K], of which the first H are dL/dy
    /// @return [N, H + K]: dL/dx, then dL/dw
    private Tensor backward(
            Tensor[] saved, Tensor joined, ExpertRows counted, Traffic traffic, List<ExpertRows> ofSources) {
        Tensor weight = saved[0];
        Tensor received = saved[3];
        ExpertRows rows = counted.with(saved[1], saved[2]);
        Tensor dy = joined.narrow(1, 0, received.size(1)).to(received.scalar_type());
        Tensor dyRows =
                ranks.allToAll(dy.index_select(0, rows.tokens(weight.size(1))), traffic.toEach(), traffic.fromEach());
        Tensor weights = ranks.allToAll(rows.values(weight.flatten()), traffic.toEach(), traffic.fromEach());
        Tensor dReceived = Ops.newEmpty(received, Dtype.of(received.scalar_type()), received.size(0), received.size(1));
        Tensor dWeights = Ops.newEmpty(received, Dtype.FLOAT32, received.size(0), 1);

        // A rank without rows, or without experts, has gradients of zeros.
        ranks.sources().forEach(stacks -> {
            stacks.gateUp().weight().get().gradientBuffer();
            stacks.down().weight().get().gradientBuffer();
        });
        List<Part> parts = parts(traffic.sources());
        for (int source = 0; source < parts.size(); source++) {
            Part part = parts.get(source);
            Tensor[] own = Arrays.copyOfRange(saved, 4 + 3 * source, 7 + 3 * source);
            ExpertRows ofSource = ofSources.get(source).with(own[1], own[2]);
            ExpertProducts.Backward backward = part.source()
                    .products()
                    .backward(
                            part.of(received),
                            part.of(dyRows),
                            ofSource.order(),
                            own[0],
                            ofSource.values(part.of(weights)),
                            ofSource);
            part.of(dReceived).copy_(backward.x().index_select(0, ofSource.inverse()));
            part.of(dWeights).copy_(backward.routingWeights().index_select(0, ofSource.inverse()));
        }
        ExpertProducts.Backward returned = new ExpertProducts.Backward(
                ranks.allToAll(dReceived, traffic.fromEach(), traffic.toEach()),
                ranks.allToAll(dWeights, traffic.fromEach(), traffic.toEach()));
        return GatedExperts.gradients(joined, weight, returned, rows.inverse());
    }
}
