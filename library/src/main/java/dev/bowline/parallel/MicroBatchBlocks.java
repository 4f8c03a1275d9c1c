package dev.bowline.parallel;

import dev.bowline.optim.GradientReduction.Share;

/// Deals the micro-batches of a step to ranks in blocks of 2^k. A block is then a whole subtree of the pairwise sum
/// over all micro-batches, for any number of ranks.
///
/// @param worldSize the number of ranks
public record MicroBatchBlocks(int worldSize) {

    /// The micro-batches of each rank but the last ones: the smallest power of two with which all are dealt.
    int size(int microBatches) {
        int least = Math.ceilDiv(microBatches, worldSize);
        return least <= 1 ? 1 : Integer.highestOneBit(least - 1) << 1;
    }

    /// The micro-batches of one rank; the last ranks may have none.
    public Share of(int rank, int microBatches) {
        int size = size(microBatches);
        int from = Math.min(microBatches, rank * size);
        return Share.block(from, Math.min(microBatches, from + size));
    }
}
