package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.parallel.FlatLayout.Bucket;
import dev.bowline.parallel.FlatLayout.Slice;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// The pairwise sum of one bucket over the ranks, in float32. Each rank adds a share of the elements.
///
/// @param presence the gradients that each rank has; the others are left out of the sums
record BucketSum(ProcessGroup group, Presence presence) {

    /// Replaces the elements of a bucket by their sums over all ranks. The native handles are the caller's scope's.
    ///
    /// @param sums of each parameter, float32 and contiguous; empty if no rank has a gradient for it
    /// @param own the parameters for which this rank has a gradient
    void replace(Bucket bucket, List<Optional<Tensor>> sums, BitSet own) {
        int world = group.worldSize();
        long share = Math.ceilDiv(bucket.elements(), world);
        Tensor whole = Ops.empty(Device.CPU, Dtype.FLOAT32, share * world);
        for (Slice slice : bucket.slices()) {
            if (own.get(slice.parameter())) {
                part(whole, slice).copy_(part(sums.get(slice.parameter()).orElseThrow(), slice.from(), slice.length()));
            }
        }
        Tensor parts = Ops.empty(Device.CPU, Dtype.FLOAT32, world, share);
        long[] even = new long[world];
        java.util.Arrays.fill(even, share);
        group.allToAll(parts.view(-1), even, whole, even).await();
        addRanks(parts, bucket, share * group.rank(), share);
        group.allGather(whole, parts.select(0, 0).contiguous()).await();
        for (Slice slice : bucket.slices()) {
            sums.get(slice.parameter())
                    .ifPresent(sum -> part(sum, slice.from(), slice.length()).copy_(part(whole, slice)));
        }
    }

    private static Tensor part(Tensor whole, Slice slice) {
        return whole.narrow(0, slice.at(), slice.length());
    }

    private static Tensor part(Tensor sum, long from, long length) {
        return sum.view(-1).narrow(0, from, length);
    }

    /// Adds the rows of the ranks into row 0.
    ///
    /// @param parts [world, share]
    /// @param from the first element of this rank's share in the bucket
    private void addRanks(Tensor parts, Bucket bucket, long from, long share) {
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
