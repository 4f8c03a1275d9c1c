package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import java.util.BitSet;
import java.util.List;

/// The parameters for which each rank has a gradient in a step.
///
/// @param ranks for each rank the indices of these parameters
record Presence(List<BitSet> ranks) {

    /// Tells every rank the parameters of this rank, of `count`.
    static Presence gather(ProcessGroup group, BitSet own, int count) {
        int words = Math.ceilDiv(count, Long.SIZE);
        long[] mine = java.util.Arrays.copyOf(own.toLongArray(), words);
        long[] all = group.allGather(mine);
        List<BitSet> ranks = new java.util.ArrayList<>();
        for (int rank = 0; rank < group.worldSize(); rank++) {
            ranks.add(BitSet.valueOf(java.util.Arrays.copyOfRange(all, rank * words, (rank + 1) * words)));
        }
        return new Presence(List.copyOf(ranks));
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
