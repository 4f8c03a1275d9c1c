package dev.bowline.nn;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/// The ranks that share the experts of a layer (expert parallelism). Each rank has consecutive experts, in the order of
/// the ranks, and computes them for the rows of all ranks.
///
/// Every rank calls the same methods in the same order.
public interface ExpertExchange {

    /// The experts of this rank for the rows of one rank: the values are the same for every rank's rows, and the
    /// gradients stay apart.
    ///
    /// @param gateUp per expert [2 I, H]
    /// @param down per expert [H, I]
    record Stacks(LinearStack gateUp, LinearStack down) {}

    /// True while every rank computes: the layer then exchanges rows. Otherwise the layer needs all its values.
    boolean isActive();

    /// For each rank in order the number of its experts, which may be 0.
    int[] experts();

    /// The place of this rank among the ranks.
    int place();

    /// For each rank in order the stacks that compute its rows here.
    List<Stacks> sources();

    /// The numbers of all ranks, one rank after the other.
    ///
    /// @param mine as many as every other rank's
    long[] allGather(long[] mine);

    /// Sends rows to each rank and receives rows from each rank. A number of rows may be 0.
    ///
    /// @param rows [sum of toEach, ...] in the order of the ranks
    /// @param fromEach the number of rows that each rank sends to this one
    /// @return [sum of fromEach, ...] in the order of the ranks, owned by the caller's scope
    Tensor allToAll(Tensor rows, long[] toEach, long[] fromEach);
}
