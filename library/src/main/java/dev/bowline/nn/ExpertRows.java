package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.KernelPool;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// The rows of each expert, where every (token, expert) pair is a row and the rows are sorted by expert.
///
/// Shapes: N tokens, K experts per token, R = N K rows, E experts.
///
/// @param order `[R]` int64, the pair that each sorted row is
/// @param inverse `[R]` int64, the sorted row of each pair
/// @param counts the number of rows of each of the E experts
record ExpertRows(Tensor order, Tensor inverse, long[] counts) {

    /// @param index [N, K] int64, each token's experts
    static ExpertRows of(Tensor index, int experts) {
        Tensor flat = index.flatten();
        Tensor order = torch.argsort(flat, true, -1, false);
        Tensor inverse = torch.argsort(order, true, -1, false);
        Tensor counts = torch.bincount(flat, new TensorOptional(), experts);
        return new ExpertRows(
                order, inverse, HostTensors.bytes(Device.CPU.place(counts)).toArray(ValueLayout.JAVA_LONG));
    }

    /// The same rows, through other handles of the two tensors.
    ExpertRows with(Tensor order, Tensor inverse) {
        return new ExpertRows(order, inverse, counts);
    }

    /// The token of each sorted row: `[R]`.
    Tensor tokens(long perToken) {
        return torch.floor_divide(order, new Scalar(perToken));
    }

    /// The rows of one expert.
    ///
    /// @param from the index of the first of these rows among the sorted rows
    record Group(int expert, long from, long size) {

        /// @param rows [R, ...]
        /// @return [size, ...], a view
        Tensor of(Tensor rows) {
            return rows.narrow(0, from, size);
        }
    }

    /// Runs `work` for every expert that has rows, in parallel.
    void forEach(Consumer<Group> work) {
        List<Group> groups = groups();
        KernelPool.run(groups.size(), i -> work.accept(groups.get(i)));
    }

    /// The rows of every expert that has rows, in the order of the experts.
    List<Group> groups() {
        List<Group> groups = new ArrayList<>();
        long from = 0;
        for (int expert = 0; expert < counts.length; expert++) {
            if (counts[expert] > 0) {
                groups.add(new Group(expert, from, counts[expert]));
                from += counts[expert];
            }
        }
        return groups;
    }
}
