package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.Tensor;

/// The kernels that the layers of a model run. [Layer#kernels()] tells a layer the policy of its model.
///
/// A class that has kernels of its own decides in an exhaustive `switch` over this enum, in its forward pass.
/// Both kinds compute the same function; they differ in the order of additions and in the places where values are
/// rounded to bfloat16.
public enum KernelPolicy {
    /// Kernels of Bowline for the CPU: backward passes written in Java that save few tensors, rows and experts spread
    /// over threads, matrix products chosen for the processor.
    FUSED_CPU,
    /// Plain operators of libtorch, recorded by autograd, on any device. Such a kernel uses no
    /// [dev.bowline.tensor.KernelPool], no [dev.bowline.tensor.RowTiles], no [dev.bowline.tensor.MatMul], no
    /// [AutogradFunction], and no memory of a tensor; every tensor it creates is on the device of its operands.
    /// A [LinearOperator] that does not override its `forward` is recorded by an [AutogradFunction] on any device.
    LIBTORCH;

    /// The kernels of a model whose policy was not chosen: [#FUSED_CPU] on the CPU, [#LIBTORCH] elsewhere.
    public static KernelPolicy of(Device device) {
        return device.isCpu() ? FUSED_CPU : LIBTORCH;
    }

    /// y = factor a b, with gradients disabled.
    ///
    /// @param y [N, M], overwritten
    /// @param a [N, K]
    /// @param b [K, M]
    void productInto(Tensor y, Tensor a, Tensor b, double factor) {
        switch (this) {
            case FUSED_CPU -> MatMul.into(y, a, b, factor);
            case LIBTORCH -> Ops.productInto(y, a, b, factor);
        }
    }

    /// A product for each of B pairs, recorded for autograd where gradients are enabled.
    ///
    /// @param a [B, N, K]
    /// @param b [B, K, M]
    /// @return [B, N, M]
    Tensor batchedProduct(Tensor a, Tensor b) {
        return switch (this) {
            case FUSED_CPU -> MatMul.batched(a, b);
            case LIBTORCH -> a.bmm(b);
        };
    }

    /// y += factor a b, with gradients disabled and shapes as above.
    void addProduct(Tensor y, Tensor a, Tensor b, double factor) {
        switch (this) {
            case FUSED_CPU -> MatMul.add(y, a, b, factor);
            case LIBTORCH -> Ops.addProduct(y, a, b, factor);
        }
    }
}
