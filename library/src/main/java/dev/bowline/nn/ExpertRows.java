package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.SideBySide;
import java.lang.foreign.ValueLayout;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// Which rows belong to which expert once every (token, expert) pair is a row and the rows are sorted by expert.
///
/// Shapes: N tokens, K experts per token, R = N K rows, E experts.
///
/// @param order [R] int64, the pair that each sorted row is
/// @param inverse [R] int64, the sorted row of each pair
/// @param counts how many rows each of the E experts has
record ExpertRows(Tensor order, Tensor inverse, long[] counts) {

    /// @param index [N, K] int64, each token's experts
    static ExpertRows of(Tensor index, int experts) {
        Tensor flat = index.flatten();
        Tensor order = torch.argsort(flat, true, -1, false);
        Tensor inverse = torch.argsort(order, true, -1, false);
        Tensor counts = torch.bincount(flat, new TensorOptional(), experts);
        return new ExpertRows(order, inverse, Memory.bytes(counts).toArray(ValueLayout.JAVA_LONG));
    }

    /// The same rows, through other handles of the two tensors.
    ExpertRows with(Tensor order, Tensor inverse) {
        return new ExpertRows(order, inverse, counts);
    }

    /// The token of each sorted row: [R].
    Tensor tokens(long perToken) {
        return torch.floor_divide(order, new Scalar(perToken));
    }

    /// Each row times its expert's matrix: [R, in] × [E, in, out] → [R, out].
    Tensor times(Tensor rows, Tensor matrices) {
        Tensor result = Ops.empty(Dtype.of(rows.scalar_type()), rows.size(0), matrices.size(2));
        forEach((expert, from, size) ->
                torch.mm_out(result.narrow(0, from, size), rows.narrow(0, from, size), matrices.select(0, expert)));
        return result;
    }

    /// Adds Σ dyᵀ x over each expert's rows to the gradient of a stack of matrices.
    ///
    /// @param stack [E, out, in]; nothing happens when it is frozen
    /// @param dy [R, out]
    /// @param x [R, in]
    void addGradient(Parameter stack, Tensor dy, Tensor x) {
        if (!stack.isTrained()) {
            return;
        }
        Tensor sum = stack.gradientBuffer();
        forEach((expert, from, size) ->
                Ops.addProduct(sum.select(0, expert), dy.narrow(0, from, size).t(), x.narrow(0, from, size), 1));
    }

    @FunctionalInterface
    private interface Group {
        void visit(long expert, long from, long size);
    }

    private void forEach(Group group) {
        long[] from = new long[counts.length];
        int[] chosen = new int[counts.length];
        int groups = 0;
        long at = 0;
        for (int expert = 0; expert < counts.length; expert++) {
            if (counts[expert] > 0) {
                from[expert] = at;
                at += counts[expert];
                chosen[groups++] = expert;
            }
        }
        SideBySide.run(groups, i -> group.visit(chosen[i], from[chosen[i]], counts[chosen[i]]));
    }
}
