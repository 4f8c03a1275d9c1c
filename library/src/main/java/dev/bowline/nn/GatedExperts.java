package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.Ops;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/// A mixture of gated feed-forward experts: y_n = Σ_k w_nk down_e(a(gate_e x_n) ⊙ up_e x_n), e = index_nk,
/// with an activation a.
///
/// Tokens are sorted by expert so that each expert is one matrix product over consecutive rows. Shapes: N tokens,
/// K experts per token, E experts, H width, I expert width.
public final class GatedExperts extends Layer {

    private static final int ALIGNMENT_BYTES = 16;

    private final Slot gateUp;
    private final Slot down;
    private final int experts;
    private final int inner;
    private final Activation activation;

    public GatedExperts(String path, int experts, int width, int inner) {
        this(path, experts, width, inner, Activation.GELU_TANH);
    }

    public GatedExperts(String path, int experts, int width, int inner, Activation activation) {
        super(path);
        this.activation = activation;
        this.experts = experts;
        this.inner = inner;
        gateUp = weight("gate_up_proj", experts, 2L * inner, width);
        down = weight("down_proj", experts, width, inner);
    }

    public Slot gateUp() {
        return gateUp;
    }

    public Slot down() {
        return down;
    }

    /// @param x [N, H]
    /// @param index [N, K] int64, each row's experts
    /// @param weight [N, K], each expert's share
    /// @return [N, H], of x's dtype
    public Tensor forward(Tensor x, Tensor index, Tensor weight) {
        ExpertLoad.tell(path(), index, experts);
        long tokens = x.size(0);
        long perToken = index.size(1);
        Tensor flat = index.flatten();
        Tensor order = torch.argsort(flat, true, -1, false);
        Tensor inverse = torch.argsort(order, true, -1, false);
        Tensor counts = torch.bincount(flat, new TensorOptional(), experts);

        // Each (token, expert) pair is a row; sorting by expert makes every expert's rows consecutive.
        Tensor pairs = x.unsqueeze(1).expand(tokens, perToken, x.size(1)).reshape(tokens * perToken, x.size(1));
        Tensor sorted = pairs.index_select(0, order);

        Tensor gateAndUp = perExpert(sorted, gateUp.tensor(), counts);
        Tensor gate = gateAndUp.narrow(-1, 0, inner);
        Tensor up = gateAndUp.narrow(-1, inner, inner);
        Tensor y = perExpert(activation.apply(gate).mul(up), down.tensor(), counts);

        // Back in pair order, y is [N, K, H] and the shares weigh its middle dimension.
        Tensor byToken = y.index_select(0, inverse).view(tokens, perToken, x.size(1));
        return byToken.mul(weight.unsqueeze(-1)).to(x.scalar_type()).sum(1);
    }

    /// Rows times each expert's matrix transposed: [R, in] × [E, out, in] → [R, out].
    private static Tensor perExpert(Tensor rows, Tensor matrices, Tensor counts) {
        long elementBytes = matrices.element_size();
        boolean aligned = Memory.bytes(matrices).address() % ALIGNMENT_BYTES == 0
                && matrices.size(1) * elementBytes % ALIGNMENT_BYTES == 0
                && matrices.size(2) * elementBytes % ALIGNMENT_BYTES == 0;
        if (aligned) {
            Tensor ends = torch.cumsum(counts, 0).to(Dtype.INT32.scalarType());
            return Ops.groupedMm(rows, matrices.transpose(1, 2), ends);
        }
        return perExpertOneByOne(rows, matrices, counts);
    }

    /// The same for widths, and mapped files, that the grouped product refuses. Unbinding keeps one stacked gradient;
    /// selecting each expert
    /// would allocate a gradient of the full size per expert.
    private static Tensor perExpertOneByOne(Tensor rows, Tensor matrices, Tensor counts) {
        long[] sizes = new long[Math.toIntExact(counts.size(0))];
        Memory.bytes(counts)
                .asByteBuffer()
                .order(java.nio.ByteOrder.nativeOrder())
                .asLongBuffer()
                .get(sizes);
        TensorVector weights = matrices.unbind(0);
        List<Tensor> parts = new ArrayList<>();
        long from = 0;
        for (int expert = 0; expert < sizes.length; expert++) {
            if (sizes[expert] > 0) {
                parts.add(torch.linear(rows.narrow(0, from, sizes[expert]), weights.get(expert)));
                from += sizes[expert];
            }
        }
        return Ops.cat(0, parts.toArray(Tensor[]::new));
    }
}
