package dev.bowline.streamed;

import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// y = x Wᵀ + b with a weight whose rows are read for each product, a few at a time. It is not trained.
final class StreamedLinear implements LinearOperator {

    private final Rows weight;
    private final LinearOperator stored;
    private final Optional<Slot> bias;

    /// @param stored the operator that this one replaces, whose weight has no values
    /// @param bias its bias, with values
    StreamedLinear(Rows weight, LinearOperator stored, Optional<Slot> bias) {
        this.weight = weight;
        this.stored = stored;
        this.bias = bias;
    }

    @Override
    public long in() {
        return weight.width();
    }

    @Override
    public long out() {
        return weight.count();
    }

    @Override
    public List<Slot> slots() {
        return stored.slots();
    }

    @Override
    public LinearOperator withWeights(Slot other, Optional<Slot> otherBias) {
        return stored.withWeights(other, otherBias);
    }

    @Override
    public Tensor squaredRowNorms() {
        Tensor norms = Ops.empty(Device.CPU, Dtype.FLOAT32, out());
        long piece = weight.pieceRows();
        for (long from = 0; from < out(); from += piece) {
            try (TensorScope _ = TensorScope.open()) {
                long count = Math.min(piece, out() - from);
                Tensor rows = weight.read(from, count, Dtype.FLOAT32);
                norms.narrow(0, from, count).copy_(Ops.sumLast(rows.square()).view(-1));
            }
        }
        return norms;
    }

    @Override
    public boolean requiresGrad() {
        return false;
    }

    @Override
    public void forwardInto(Tensor y, Tensor x) {
        long piece = weight.pieceRows();
        for (long from = 0; from < weight.count(); from += piece) {
            long count = Math.min(piece, weight.count() - from);
            try (TensorScope _ = TensorScope.open()) {
                Tensor rows = weight.read(from, count, Dtype.of(x.scalar_type()));
                y.narrow(1, from, count).copy_(x.matmul(rows.t()));
            }
        }
        bias.ifPresent(slot -> y.add_(slot.tensor()));
    }

    @Override
    public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
        throw new UnsupportedOperationException("a streamed weight is not trained");
    }

    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor) {
        throw new UnsupportedOperationException("a streamed weight is not trained");
    }

    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor) {
        throw new UnsupportedOperationException("a streamed weight is not trained");
    }
}
