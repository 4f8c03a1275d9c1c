package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Shapes;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// The lookup in a stored table. Every [Embedding] has it until [Embedding#replace].
final class DenseEmbedding implements EmbeddingOperator {

    private final Slot weight;
    private final OptionalLong paddingId;
    private final Supplier<KernelPolicy> kernels;

    /// @param kernels gives the policy of the model at each call
    DenseEmbedding(Slot weight, OptionalLong paddingId, Supplier<KernelPolicy> kernels) {
        this.weight = weight;
        this.paddingId = paddingId;
        this.kernels = kernels;
    }

    @Override
    public long vocabulary() {
        return weight.shape()[0];
    }

    @Override
    public long width() {
        return weight.shape()[1];
    }

    @Override
    public Dtype dtype() {
        return Dtype.of(weight.tensor().scalar_type());
    }

    @Override
    public List<Slot> slots() {
        return List.of(weight);
    }

    @Override
    public EmbeddingOperator withWeight(Slot table) {
        return new DenseEmbedding(table, paddingId, kernels);
    }

    @Override
    public Tensor forward(Tensor ids) {
        return switch (kernels.get()) {
            case FUSED_CPU -> fused(ids);
            case LIBTORCH -> torch.embedding(weight.tensor(), ids, paddingId.orElse(-1), false, false);
        };
    }

    private Tensor fused(Tensor ids) {
        long[] shape = Shapes.of(ids);
        long[] outShape = Arrays.copyOf(shape, shape.length + 1);
        outShape[shape.length] = width();
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
