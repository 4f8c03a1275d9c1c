package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.KernelPool;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// The rows of each expert, where every (token, expert) pair is a row and the rows are sorted by expert.
///
/// oneDNN, which multiplies bfloat16, generates code for each new shape of a product, which takes longer than a small
/// product. The number of rows of an expert is another in every step, so the rows of an expert may be rounded up to one
/// of few numbers. The rows that fill up are copies of the first pair of the expert; their gradients must be zero.
///
/// Shapes: N tokens, K experts per token, P = N K pairs, R >= P rows, E experts.
///
/// @param order `[R]` int64, the pair that each sorted row is
/// @param inverse `[P]` int64, the sorted row of each pair
/// @param counts the number of rows of each of the E experts
/// @param withRows the number of experts that have rows, those of other ranks included
record ExpertRows(Tensor order, Tensor inverse, long[] counts, int withRows) {

    private static final long SMALLEST_STEP = 8;

    /// A row for each pair.
    ///
    /// @param index [N, K] int64, each token's experts
    static ExpertRows of(Tensor index, int experts) {
        Tensor flat = index.flatten();
        Tensor order = torch.argsort(flat, true, -1, false);
        Tensor inverse = torch.argsort(order, true, -1, false);
        Tensor counts = torch.bincount(flat, new TensorOptional(), experts);
        return of(order, inverse, HostTensors.bytes(Device.CPU.place(counts)).toArray(ValueLayout.JAVA_LONG));
    }

    private static ExpertRows of(Tensor order, Tensor inverse, long[] counts) {
        int withRows =
                Math.toIntExact(Arrays.stream(counts).filter(count -> count > 0).count());
        return new ExpertRows(order, inverse, counts, withRows);
    }

    /// The same rows of experts that are some of those with rows: each expert then computes as it does among all.
    ///
    /// @param experts that have rows
    ExpertRows amongExperts(int experts) {
        return new ExpertRows(order, inverse, counts, experts);
    }

    /// The rows for kernels that multiply in `dtype`: rounded up for bfloat16.
    ///
    /// @param index [N, K] int64, each token's experts
    static ExpertRows of(Tensor index, int experts, Dtype dtype) {
        ExpertRows exact = of(index, experts);
        boolean generated = dtype == Dtype.BFLOAT16 && MatMul.isDirect(dtype);
        return generated ? exact.roundedUp(index.flatten()) : exact;
    }

    /// @param experts `[P]`, the expert of each pair
    ExpertRows roundedUp(Tensor experts) {
        long[] rounded = Arrays.stream(counts).map(ExpertRows::roundedUp).toArray();
        if (Arrays.equals(rounded, counts)) {
            return this;
        }
        long[] shifts = new long[counts.length];
        long[] first = new long[counts.length];
        for (int expert = 1; expert < counts.length; expert++) {
            shifts[expert] = shifts[expert - 1] + rounded[expert - 1] - counts[expert - 1];
            first[expert] = Math.min(first[expert - 1] + counts[expert - 1], experts.size(0) - 1);
        }
        Tensor moved = inverse.add(HostTensors.of(shifts, shifts.length).index_select(0, experts));
        Tensor pairs = Ops.arange(Device.CPU, Dtype.INT64, 0, experts.size(0), 1);
        Tensor filled = order.index_select(0, HostTensors.of(first, first.length))
                .repeat_interleave(HostTensors.of(rounded, rounded.length));
        return of(filled.scatter_(0, moved, pairs), moved, rounded);
    }

    /// The next of eight numbers between two powers of two.
    private static long roundedUp(long count) {
        if (count < SMALLEST_STEP) {
            return count;
        }
        long step = Math.max(SMALLEST_STEP, Long.highestOneBit(count) / 8);
        return Math.ceilDiv(count, step) * step;
    }

    /// The value of each row's pair, and zero for a row that fills up.
    ///
    /// @param values `[P]`
    /// @return `[R]`
    Tensor values(Tensor values) {
        return Ops.newZeros(values, Dtype.of(values.scalar_type()), order.size(0))
                .scatter_(0, inverse, values);
    }

    /// The same rows, through other handles of the two tensors.
    ExpertRows with(Tensor order, Tensor inverse) {
        return new ExpertRows(order, inverse, counts, withRows);
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
        KernelPool.run(withRows, groups.size(), i -> work.accept(groups.get(i)));
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
