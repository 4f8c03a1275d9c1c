package dev.bowline.nn;

import dev.bowline.quantization.Quantization;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/// y = x Wᵀ + b. The weight is stored [out, in], as in PyTorch.
///
/// A [LinearOperator] computes it. [#replace] replaces the operator, for example by a low-rank adapter around the
/// old one. Layers, heads and losses reach the weight through the operator only, in the forward pass and in the
/// backward pass, so a replacement takes effect everywhere.
public final class Linear extends Layer {

    /// True if a bias is added.
    public enum Bias {
        NONE,
        PRESENT
    }

    /// The purpose of a linear.
    public enum Purpose {
        PROJECTION,
        /// Chooses experts. An adapter on every linear leaves routers alone.
        ROUTER
    }

    private final WeightMatrix matrix;
    private final Slot weight;
    private final Optional<Slot> bias;
    private final Purpose purpose;
    private LinearOperator operator;

    public Linear(String path, long in, long out, Bias bias) {
        this(path, in, out, bias, Purpose.PROJECTION);
    }

    private Linear(String path, long in, long out, Bias bias, Purpose purpose) {
        super(path);
        this.purpose = purpose;
        weight = weight("weight", out, in);
        this.bias = switch (bias) {
            case NONE -> Optional.empty();
            case PRESENT -> Optional.of(weight("bias", out));
        };
        matrix = WeightMatrix.whole(weight);
        operator = new DenseLinear(matrix, this.bias, this::kernels);
    }

    public Linear(String path, long in, long out) {
        this(path, in, out, Bias.NONE);
    }

    /// A linear without bias whose results choose experts.
    public static Linear router(String path, long in, long experts) {
        return new Linear(path, in, experts, Bias.NONE, Purpose.ROUTER);
    }

    /// One matrix of a stack that several linears share.
    Linear(String path, WeightMatrix matrix) {
        super(path);
        purpose = Purpose.PROJECTION;
        this.matrix = matrix;
        weight = matrix.slot();
        bias = Optional.empty();
        operator = new DenseLinear(matrix, bias, this::kernels);
    }

    /// The slot of the stored weight: [out, in], or the whole [E, out, in] if this is one matrix of a
    /// [LinearStack].
    public Slot weight() {
        return weight;
    }

    public Optional<Slot> bias() {
        return bias;
    }

    public Purpose purpose() {
        return purpose;
    }

    /// The operator that computes this layer now. A backward pass uses the operator of its forward pass.
    public LinearOperator operator() {
        return operator;
    }

    /// Replaces the operator. The slots of the new operator take the place of the old operator's slots in the
    /// model, on the device of the model; parameters of slots that left the model belong to the caller. Ties
    /// of slots do not change.
    ///
    /// @param replacement makes the new operator from the present one
    public void replace(UnaryOperator<LinearOperator> replacement) {
        LinearOperator other = replacement.apply(operator);
        if (other.in() != operator.in() || other.out() != operator.out()) {
            throw new IllegalArgumentException("'%s' maps %d to %d values, its replacement %d to %d"
                    .formatted(path(), operator.in(), operator.out(), other.in(), other.out()));
        }
        other.slots().forEach(slot -> slot.get().to(device()));
        operator = other;
    }

    /// Quantises the weight, now or when it gets values. It is frozen permanently. Call it before any other
    /// replacement of the operator, and for every matrix of a [LinearStack].
    ///
    /// @throws IllegalArgumentException if another layer uses the weight too
    public void quantize(Quantization format) {
        if (operator instanceof QuantizedLinear && weight.get().quantization().equals(Optional.of(format))) {
            return;
        }
        if (weight.isTied() || !(operator instanceof DenseLinear)) {
            throw new IllegalArgumentException("'%s' does not compute with a weight of its own".formatted(path()));
        }
        weight.get().quantize(format);
        replace(_ -> new QuantizedLinear(matrix, bias, this::kernels));
    }

    /// @param x [..., in]
    /// @return [..., out]
    public Tensor forward(Tensor x) {
        return operator.forward(x);
    }

    @Override
    List<Slot> ownSlots() {
        return operator.slots();
    }
}
