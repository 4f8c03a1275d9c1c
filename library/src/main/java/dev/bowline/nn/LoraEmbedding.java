package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// An embedding with a low-rank adapter: the row of a token is its row of the base plus scale times row `id` of
/// (B A)ᵀ. The base is an operator of any kind.
///
/// The sum is computed in the wider of both dtypes and rounded once. The column of A of the padding id gets no
/// gradient (PEFT).
///
/// Shapes: N tokens, V vocabulary, D width, R rank.
public final class LoraEmbedding implements EmbeddingOperator {

    private final EmbeddingOperator base;
    private final Slot a;
    private final Slot b;
    private final double scale;
    private final OptionalLong paddingId;
    private final Supplier<KernelPolicy> kernels;

    /// @param a [R, V]
    /// @param b [D, R]
    /// @param kernels gives the policy of the model at each call
    public LoraEmbedding(
            EmbeddingOperator base,
            Slot a,
            Slot b,
            double scale,
            OptionalLong paddingId,
            Supplier<KernelPolicy> kernels) {
        this.base = base;
        this.a = a;
        this.b = b;
        this.scale = scale;
        this.paddingId = paddingId;
        this.kernels = kernels;
    }

    @Override
    public long vocabulary() {
        return base.vocabulary();
    }

    @Override
    public long width() {
        return base.width();
    }

    @Override
    public Dtype dtype() {
        return base.dtype();
    }

    @Override
    public List<Slot> slots() {
        return Stream.concat(base.slots().stream(), Stream.of(a, b)).toList();
    }

    @Override
    public Tensor forward(Tensor ids) {
        Tensor rows = base.forward(ids);
        Tensor delta = switch (kernels.get()) {
            case FUSED_CPU -> fused(ids.reshape(-1)).view_as(rows);
            case LIBTORCH -> plain(ids);
        };
        return Ops.cast(rows.add(delta), dtype());
    }

    private Tensor plain(Tensor ids) {
        Tensor u = torch.embedding(a.tensor().t(), ids, paddingId.orElse(-1), false, false);
        return torch.linear(u, b.tensor()).mul(new Scalar(scale));
    }

    /// The same with a gradient of A that has the looked-up columns only.
    ///
    /// @param ids `[N]`
    /// @return [N, D]
    private Tensor fused(Tensor ids) {
        Tensor u = a.tensor().detach().index_select(1, ids).t();
        Tensor delta = u.mm(b.tensor().detach().t()).mul_(new Scalar(scale));
        if (GradMode.is_enabled() && (a.get().requiresGrad() || b.get().requiresGrad())) {
            AutogradFunction.attachSource(delta, (saved, dy) -> backward(saved[0], saved[1], dy), ids, u);
        }
        return delta;
    }

    /// dL/dB = scale dyᵀ u, and column `id` of dL/dA gets scale Bᵀ dy of every token with that id.
    ///
    /// @param ids `[N]`
    /// @param u the columns of A of the tokens, [N, R]
    /// @param dy [N, D]
    private Tensor backward(Tensor ids, Tensor u, Tensor dy) {
        if (b.get().requiresGrad()) {
            b.get().gradientBuffer().addmm_(dy.t(), u, new Scalar(1.0), new Scalar(scale));
        }
        if (a.get().requiresGrad()) {
            Tensor columns = b.tensor().detach().t().mm(dy.t()).mul_(new Scalar(scale));
            if (paddingId.isPresent()) {
                columns.masked_fill_(ids.eq(new Scalar(paddingId.getAsLong())), new Scalar(0.0));
            }
            a.get().gradientBuffer().index_add_(1, ids, columns);
        }
        return dy;
    }
}
