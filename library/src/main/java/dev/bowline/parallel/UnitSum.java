package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.Work;
import dev.bowline.nn.Parameter;
import dev.bowline.parallel.FlatLayout.Bucket;
import dev.bowline.parallel.FlatLayout.Slice;
import dev.bowline.parallel.OverlappedSummation.Travelling;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// The pairwise sums of the parameters of a unit over the ranks, in float32. Each rank adds a share of the elements of
/// each bucket.
final class UnitSum implements Travelling {

    private final ProcessGroup group;
    private final List<Parameter> parameters;
    private final FlatLayout layout;
    private final Presence.Gathering presence;

    /// `[elements of all buckets]` float32: what this rank sends, and then the sums.
    private final Tensor whole;

    private final List<InBucket> buckets = new ArrayList<>();

    /// A bucket on its way.
    ///
    /// @param whole its elements in the memory of all buckets, the share of each rank one after the other
    /// @param parts [world, share], the parts of all ranks for this rank's share
    private record InBucket(Bucket bucket, Tensor whole, Tensor parts, Work exchange) {}

    private final List<Work> gathering = new ArrayList<>();

    private UnitSum(ProcessGroup group, List<Parameter> parameters, FlatLayout layout, Presence.Gathering presence) {
        this.group = group;
        this.parameters = parameters;
        this.layout = layout;
        this.presence = presence;
        whole = Ops.empty(Device.CPU, Dtype.FLOAT32, layout.end(group.worldSize()));
        whole.retainReference();
    }

    /// Begins the exchange.
    ///
    /// @param own this rank's sums, float32 and contiguous, which this method frees
    static UnitSum send(ProcessGroup group, List<Parameter> parameters, List<Optional<Tensor>> own) {
        BitSet present = new BitSet();
        for (int i = 0; i < own.size(); i++) {
            present.set(i, own.get(i).isPresent());
        }
        try (TensorScope _ = TensorScope.open()) {
            UnitSum sum = new UnitSum(
                    group,
                    parameters,
                    FlatLayout.of(parameters, group.worldSize()),
                    Presence.begin(group, present, own.size()));
            sum.fill(own);
            sum.exchange();
            return sum;
        }
    }

    private void fill(List<Optional<Tensor>> own) {
        for (int i = 0; i < own.size(); i++) {
            if (own.get(i).isPresent()) {
                try (Tensor sum = own.get(i).get()) {
                    of(i).copy_(sum.view(-1));
                }
            }
        }
    }

    /// The place of a parameter in the memory of all buckets.
    private Tensor of(int parameter) {
        return whole.narrow(
                0, layout.starts().get(parameter), parameters.get(parameter).elements());
    }

    private void exchange() {
        int world = group.worldSize();
        long at = 0;
        for (Bucket bucket : layout.buckets()) {
            long share = Math.ceilDiv(bucket.elements(), world);
            Tensor sent = whole.narrow(0, at, share * world);
            Tensor parts = Ops.empty(Device.CPU, Dtype.FLOAT32, world, share);
            sent.retainReference();
            parts.retainReference();
            long[] even = new long[world];
            Arrays.fill(even, share);
            buckets.add(new InBucket(bucket, sent, parts, group.allToAll(parts.view(-1), even, sent, even)));
            at += layout.bucketElements();
        }
    }

    @Override
    public long bytes() {
        return 2 * whole.numel() * Dtype.FLOAT32.bytes();
    }

    @Override
    public void receive() {
        Presence all = presence.await();
        try (TensorScope _ = TensorScope.open()) {
            for (InBucket each : buckets) {
                each.exchange().await();
                long share = each.parts().size(1);
                addRanks(all, each.parts(), each.bucket(), share * group.rank(), share);
                gathering.add(group.allGather(each.whole(), each.parts().select(0, 0)));
            }
        }
    }

    @Override
    public void finish() {
        Presence all = presence.await();
        gathering.forEach(Work::await);
        try (TensorScope _ = TensorScope.open()) {
            for (int i = 0; i < parameters.size(); i++) {
                Parameter parameter = parameters.get(i);
                OverlappedSummation.requireUnchanged(parameter);
                if (all.any(i)) {
                    parameter.replaceGradient(Ops.cast(of(i), parameter.dtype()).view(parameter.shape()));
                }
            }
        }
        close();
    }

    /// Frees the memory. A gradient may still be a view of it.
    private void close() {
        buckets.forEach(each -> {
            each.whole().close();
            each.parts().close();
        });
        whole.close();
    }

    /// Adds the rows of the ranks into row 0.
    ///
    /// @param parts [world, share]
    /// @param from the first element of this rank's share in the bucket
    private void addRanks(Presence presence, Tensor parts, Bucket bucket, long from, long share) {
        long end = Math.min(bucket.elements(), from + share);
        long at = from;
        int index = 0;
        List<Slice> slices = bucket.slices();
        while (at < end) {
            while (slices.get(index).at() + slices.get(index).length() <= at) {
                index++;
            }
            BitSet ranks = presence.of(slices.get(index).parameter());
            int last = index;
            while (last + 1 < slices.size()
                    && slices.get(last + 1).at() < end
                    && presence.of(slices.get(last + 1).parameter()).equals(ranks)) {
                last++;
            }
            long to = Math.min(end, slices.get(last).at() + slices.get(last).length());
            add(parts.narrow(1, at - from, to - at), ranks);
            at = to;
        }
    }

    /// @param columns [world, elements]
    /// @param ranks those that have values
    private void add(Tensor columns, BitSet ranks) {
        if (ranks.isEmpty()) {
            return;
        }
        int count = group.worldSize();
        Tensor[] level = new Tensor[count];
        for (int rank = 0; rank < count; rank++) {
            level[rank] = columns.select(0, rank);
        }
        BitSet have = (BitSet) ranks.clone();
        while (count > 1) {
            BitSet next = new BitSet();
            int pairs = Math.ceilDiv(count, 2);
            for (int i = 0; i < pairs; i++) {
                boolean first = have.get(2 * i);
                boolean second = 2 * i + 1 < count && have.get(2 * i + 1);
                if (first && second) {
                    level[i] = level[2 * i].add_(level[2 * i + 1]);
                } else if (second) {
                    level[i] = level[2 * i + 1];
                } else {
                    level[i] = level[2 * i];
                }
                next.set(i, first || second);
            }
            have = next;
            count = pairs;
        }
        Tensor first = columns.select(0, 0);
        if (!ranks.get(0)) {
            first.copy_(level[0]);
        }
    }
}
