package dev.bowline.nn;

import dev.bowline.quantization.QuantizedMatrix;
import dev.bowline.tensor.MatMul;
import java.util.OptionalLong;
import org.bytedeco.pytorch.Tensor;

/// The matrix of a dense operator: all values of a slot, or one matrix of a slot that holds a stack.
///
/// @param slot [out, in], or [in, out] if transposed, or [E, out, in] for a stack
/// @param index the matrix of the stack
/// @param order of the rows and columns in the slot
record WeightMatrix(Slot slot, OptionalLong index, Order order) {

    /// The order of a slot's two dimensions.
    enum Order {
        AS_STORED,
        TRANSPOSED
    }

    static WeightMatrix whole(Slot slot) {
        return new WeightMatrix(slot, OptionalLong.empty(), Order.AS_STORED);
    }

    /// The transposed matrix of a slot [in, out].
    static WeightMatrix transposed(Slot slot) {
        return new WeightMatrix(slot, OptionalLong.empty(), Order.TRANSPOSED);
    }

    static WeightMatrix ofStack(Slot stack, long index) {
        return new WeightMatrix(stack, OptionalLong.of(index), Order.AS_STORED);
    }

    Parameter parameter() {
        return slot.get();
    }

    /// True if the slot is the matrix.
    boolean isWhole() {
        return index.isEmpty() && order == Order.AS_STORED;
    }

    /// @return [out, in], a view unless the slot is the matrix
    Tensor tensor() {
        return matrix(slot.tensor());
    }

    /// @return [out, in]
    QuantizedMatrix quantized() {
        return parameter().matrix(Math.toIntExact(index.orElse(0)));
    }

    long out() {
        return size(0);
    }

    long in() {
        return size(1);
    }

    private long size(int dimension) {
        long[] shape = slot.shape();
        return switch (order) {
            case AS_STORED -> shape[shape.length - 2 + dimension];
            case TRANSPOSED -> shape[1 - dimension];
        };
    }

    /// Adds factor a b to the gradient.
    ///
    /// @param a [out, N]
    /// @param b [N, in]
    void addToGradient(Tensor a, Tensor b, double factor) {
        if (isWhole()) {
            parameter().addToGradient(a, b, factor);
        } else {
            MatMul.add(gradientBuffer(), a, b, factor);
        }
    }

    /// @return [out, in], which the caller may change in place
    Tensor gradientBuffer() {
        return matrix(parameter().gradientBuffer());
    }

    private Tensor matrix(Tensor values) {
        return switch (order) {
            case AS_STORED -> index.isPresent() ? values.select(0, index.getAsLong()) : values;
            case TRANSPOSED -> values.t();
        };
    }
}
