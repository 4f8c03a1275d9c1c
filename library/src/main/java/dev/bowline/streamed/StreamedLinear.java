package dev.bowline.streamed;

import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// y = x Wᵀ + b with a weight whose rows are read for each product, a few at a time. It is not trained.
final class StreamedLinear implements LinearOperator {

    private final Rows weight;
    private final List<Slot> slots;
    private final Optional<Slot> bias;

    /// @param slots of the operator that this one replaces
    /// @param bias among them, with values
    StreamedLinear(Rows weight, List<Slot> slots, Optional<Slot> bias) {
        this.weight = weight;
        this.slots = List.copyOf(slots);
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
        return slots;
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
