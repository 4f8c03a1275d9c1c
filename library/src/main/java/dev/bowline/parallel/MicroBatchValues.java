package dev.bowline.parallel;

import dev.bowline.BowlineException;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.optim.GradientReduction.Share;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/// A number for each micro-batch of a step, from the ranks that computed them.
final class MicroBatchValues {

    private MicroBatchValues() {}

    /// The values in the order of the micro-batches, the same on every rank. Checks besides that all ranks began the
    /// same number of collectives: ranks that do not would exchange wrong tensors later.
    ///
    /// @param own a value for each micro-batch of this rank
    /// @param shares of all ranks, by rank
    static double[] gather(ProcessGroup group, double[] own, int microBatches, IntFunction<Share> shares) {
        int size = IntStream.range(0, group.worldSize())
                .map(rank -> shares.apply(rank).size())
                .max()
                .orElseThrow();
        long[] mine = new long[size + 1];
        for (int i = 0; i < own.length; i++) {
            mine[i] = Double.doubleToRawLongBits(own[i]);
        }
        mine[size] = group.collectives();
        long[] all = group.allGather(mine);
        double[] values = new double[microBatches];
        for (int rank = 0; rank < group.worldSize(); rank++) {
            int at = rank * (size + 1);
            if (all[at + size] != mine[size]) {
                throw new BowlineException(
                        "%s began %d collectives and %s began %d"
                                .formatted(group.name(group.rank()), mine[size], group.name(rank), all[at + size]),
                        "report this as a bug of Bowline, with the recipe");
            }
            List<Integer> dealt = shares.apply(rank).microBatches();
            for (int i = 0; i < dealt.size(); i++) {
                values[dealt.get(i)] = Double.longBitsToDouble(all[at + i]);
            }
        }
        return values;
    }
}
