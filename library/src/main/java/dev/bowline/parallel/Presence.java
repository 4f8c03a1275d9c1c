package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.Work;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// The parameters for which each rank has a gradient in a step.
///
/// @param ranks for each rank the indices of these parameters
record Presence(List<BitSet> ranks) {

    /// Tells every rank the parameters of this rank, of `count`.
    static Presence gather(ProcessGroup group, BitSet own, int count) {
        return begin(group, own, count).await();
    }

    /// Begins to tell every rank the parameters of this rank, of `count`.
    static Gathering begin(ProcessGroup group, BitSet own, int count) {
        int words = Math.ceilDiv(count, Long.SIZE);
        long[] mine = Arrays.copyOf(own.toLongArray(), words);
        try (TensorScope _ = TensorScope.open()) {
            Tensor sent = HostTensors.of(mine, words);
            Tensor all = Ops.empty(Device.CPU, Dtype.INT64, (long) group.worldSize() * words);
            sent.retainReference();
            all.retainReference();
            return new Gathering(group.allGather(all, sent), sent, all, words);
        }
    }

    /// Presence on its way.
    static final class Gathering {

        private final Work work;
        private final Tensor sent;
        private final Tensor all;
        private final int words;
        private Optional<Presence> presence = Optional.empty();

        private Gathering(Work work, Tensor sent, Tensor all, int words) {
            this.work = work;
            this.sent = sent;
            this.all = all;
            this.words = words;
        }

        Presence await() {
            if (presence.isEmpty()) {
                work.await();
                try (sent;
                        all) {
                    long[] bits = HostTensors.bytes(all).toArray(ValueLayout.JAVA_LONG);
                    List<BitSet> ranks = new ArrayList<>();
                    for (int from = 0; from < bits.length; from += words) {
                        ranks.add(BitSet.valueOf(Arrays.copyOfRange(bits, from, from + words)));
                    }
                    presence = Optional.of(new Presence(List.copyOf(ranks)));
                }
            }
            return presence.get();
        }
    }

    /// The ranks that have a gradient for a parameter.
    BitSet of(int parameter) {
        BitSet have = new BitSet();
        for (int rank = 0; rank < ranks.size(); rank++) {
            have.set(rank, ranks.get(rank).get(parameter));
        }
        return have;
    }

    /// True if a rank has a gradient for a parameter.
    boolean any(int parameter) {
        return ranks.stream().anyMatch(rank -> rank.get(parameter));
    }
}
