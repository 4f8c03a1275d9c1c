package dev.bowline.nn;

import dev.bowline.quantization.QuantizedMatrix;
import dev.bowline.tensor.MatMul;
import java.util.OptionalLong;
import org.bytedeco.pytorch.Tensor;

/// The matrix of a dense operator: all values of a slot, or one matrix of a slot that holds a stack.
///
/// @param slot [out, in], or [E, out, in] for a stack
/// @param index the matrix of the stack
record WeightMatrix(Slot slot, OptionalLong index) {

    static WeightMatrix whole(Slot slot) {
        return new WeightMatrix(slot, OptionalLong.empty());
    }

    static WeightMatrix ofStack(Slot stack, long index) {
        return new WeightMatrix(stack, OptionalLong.of(index));
    }

    Parameter parameter() {
        return slot.get();
    }

    boolean isWhole() {
        return index.isEmpty();
    }

    /// @return [out, in], a view for a stack
    Tensor tensor() {
        return matrix(slot.tensor());
    }

    /// @return [out, in]
    QuantizedMatrix quantized() {
        return parameter().matrix(Math.toIntExact(index.orElse(0)));
    }

    long out() {
        return slot.shape()[isWhole() ? 0 : 1];
    }

    long in() {
        return slot.shape()[isWhole() ? 1 : 2];
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
        return isWhole() ? values : values.select(0, index.orElseThrow());
    }
}
