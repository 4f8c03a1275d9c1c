package dev.bowline.nn;

import dev.bowline.tensor.Shapes;
import java.util.Arrays;
import java.util.OptionalLong;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A table looked up by token id. The row of the padding id gets no gradient, as in PyTorch.
///
/// With fused kernels the backward pass writes only the rows of the gradient that were looked up. Plain operators
/// create a dense gradient of [vocabulary, D] per lookup.
public final class Embedding extends Layer {

    private final Slot weight;
    private final OptionalLong paddingId;

    public Embedding(String path, long vocabulary, long width, OptionalLong paddingId) {
        super(path);
        weight = weight("weight", vocabulary, width);
        this.paddingId = paddingId;
    }

    public Slot weight() {
        return weight;
    }

    public OptionalLong paddingId() {
        return paddingId;
    }

    /// @param ids [...] int64
    /// @return [..., D]
    public Tensor forward(Tensor ids) {
        return switch (kernels()) {
            case FUSED_CPU -> fused(ids);
            case LIBTORCH -> torch.embedding(weight.tensor(), ids, paddingId.orElse(-1), false, false);
        };
    }

    private Tensor fused(Tensor ids) {
        long[] shape = Shapes.of(ids);
        long[] outShape = Arrays.copyOf(shape, shape.length + 1);
        outShape[shape.length] = weight.shape()[1];
        Tensor flat = ids.reshape(-1);
        Tensor rows = weight.tensor().detach().index_select(0, flat);
        Parameter parameter = weight.get();
        if (parameter.requiresGrad() && GradMode.is_enabled()) {
            AutogradFunction.attachSource(rows, (saved, gradient) -> backward(parameter, saved[0], gradient), flat);
        }
        return rows.view(outShape);
    }

    /// Adds dL/drows to the table's gradient.
    ///
    /// @param ids `[N]`
    /// @param gradient dL/drows, [N, D]
    private Tensor backward(Parameter parameter, Tensor ids, Tensor gradient) {
        Tensor rows = gradient;
        if (paddingId.isPresent()) {
            Tensor padding = ids.eq(new Scalar(paddingId.getAsLong())).unsqueeze(1);
            rows = rows.masked_fill(padding, new Scalar(0.0));
        }
        parameter.gradientBuffer().index_add_(0, ids, rows);
        return gradient;
    }
}
