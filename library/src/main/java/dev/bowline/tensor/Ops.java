package dev.bowline.tensor;

import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorList;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/// ATen calls that have no Java signature, or an impractical one.
///
/// Results belong to the caller's [TensorScope].
public final class Ops {

    private static final OperatorHandle FUSED_ADAMW = operator("aten::_fused_adamw_");

    private Ops() {}

    public static Tensor empty(Device device, Dtype dtype, long... shape) {
        return torch.empty(shape, device.options(dtype), new MemoryFormatOptional());
    }

    public static Tensor zeros(Device device, Dtype dtype, long... shape) {
        return torch.zeros(shape, device.options(dtype));
    }

    public static Tensor full(Device device, Dtype dtype, double value, long... shape) {
        return torch.full(shape, new Scalar(value), device.options(dtype));
    }

    /// start, start + step, … below `end`.
    public static Tensor arange(Device device, Dtype dtype, double start, double end, double step) {
        return torch.arange(new Scalar(start), new Scalar(end), new Scalar(step), device.options(dtype));
    }

    /// A tensor without values on the device of `x` (PyTorch: `x.new_empty`).
    public static Tensor newEmpty(Tensor x, Dtype dtype, long... shape) {
        return empty(Device.of(x), dtype, shape);
    }

    /// Zeros on the device of `x` (PyTorch: `x.new_zeros`).
    public static Tensor newZeros(Tensor x, Dtype dtype, long... shape) {
        return zeros(Device.of(x), dtype, shape);
    }

    /// A tensor with one value everywhere, on the device of `x` (PyTorch: `x.new_full`).
    public static Tensor newFull(Tensor x, Dtype dtype, double value, long... shape) {
        return full(Device.of(x), dtype, value, shape);
    }

    public static Tensor cast(Tensor x, Dtype dtype) {
        return x.to(dtype.scalarType());
    }

    public static Tensor times(Tensor x, double factor) {
        return x.mul(new Scalar(factor));
    }

    public static Tensor cat(int dimension, Tensor... parts) {
        return torch.cat(new TensorVector(parts), dimension);
    }

    /// Softmax over the last dimension, computed in and returned as `dtype`.
    public static Tensor softmax(Tensor x, Dtype dtype) {
        return torch.softmax(x, -1, new ScalarTypeOptional(dtype.scalarType()));
    }

    /// dL/dx = p ⊙ (dp - Σ p ⊙ dp) of p = softmax(x) over the last dimension.
    ///
    /// @param dp dL/dp, overwritten by the result
    public static Tensor softmaxGradient(Tensor dp, Tensor p) {
        dp.mul_(p);
        return dp.addcmul_(p, sumLast(dp), new Scalar(-1.0));
    }

    /// Sum over the last dimension, which stays as size 1.
    public static Tensor sumLast(Tensor x) {
        return x.sum(new long[] {-1}, true, new ScalarTypeOptional());
    }

    /// Sum over the middle dimension: [A, B, C] → [A, C].
    public static Tensor sumMiddle(Tensor x, Dtype dtype) {
        return x.sum(new long[] {1}, false, new ScalarTypeOptional(dtype.scalarType()));
    }

    /// Sum of the rows, computed in the dtype of `sum`.
    ///
    /// @param sum `[D]`, overwritten
    /// @param x [N, D]
    public static void sumInto(Tensor sum, Tensor x) {
        torch.sum_out(sum, x, new long[] {0}, false, new ScalarTypeOptional(sum.scalar_type()));
    }

    /// The dtype that values of both dtypes are promoted to.
    public static Dtype wider(Tensor a, Tensor b) {
        return Dtype.of(torch.promote_types(a.scalar_type(), b.scalar_type()));
    }

    /// The largest entries of each row, best first.
    ///
    /// @param values [..., K]
    /// @param indices [..., K] int64
    public record Top(Tensor values, Tensor indices) {}

    /// The `count` largest entries over the last dimension.
    public static Top top(Tensor x, long count) {
        var top = torch.topk(x, count, -1, true, true);
        return new Top(top.get0(), top.get1());
    }

    /// GELU with the tanh approximation: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
    public static Tensor geluTanh(Tensor x) {
        return torch.gelu(x, "tanh");
    }

    /// y = factor a b by libtorch's own product.
    ///
    /// @param y [N, M], overwritten
    /// @param a [N, K]
    /// @param b [K, M]
    public static void productInto(Tensor y, Tensor a, Tensor b, double factor) {
        if (factor == 1) {
            torch.mm_out(y, a, b);
        } else {
            Tensor unread = y.narrow(0, 0, 1).narrow(1, 0, 1);
            torch.addmm_out(y, unread, a, b, new Scalar(0.0), new Scalar(factor));
        }
    }

    /// y += factor a b by libtorch's own product, with shapes as above.
    public static void addProduct(Tensor y, Tensor a, Tensor b, double factor) {
        y.addmm_(a, b, new Scalar(1.0), new Scalar(factor));
    }

    /// Propagates `gradient` from `y`.
    public static void backward(Tensor y, Tensor gradient) {
        try (BoolOptional keepGraph = new BoolOptional();
                TensorArrayRefOptional all = new TensorArrayRefOptional()) {
            y.backward(gradient, keepGraph, false, all);
        }
    }

    /// Causal attention without a mask tensor: softmax(scale q k^T) v.
    ///
    /// @param q [B, N, S, D]
    /// @param k [B, K, S, D] with K dividing N
    /// @param v as k
    /// @return [B, N, S, D]
    public static Tensor causalAttention(Tensor q, Tensor k, Tensor v, double scale) {
        return torch.scaled_dot_product_attention(
                q, k, v, new TensorOptional(), 0.0, true, new DoubleOptional(scale), true);
    }

    /// Attention over every key: softmax(scale q k^T) v, with shapes as below.
    public static Tensor attention(Tensor q, Tensor k, Tensor v, double scale) {
        return torch.scaled_dot_product_attention(
                q, k, v, new TensorOptional(), 0.0, false, new DoubleOptional(scale), true);
    }

    /// Attention with an additive mask: softmax(scale q k^T + mask) v.
    ///
    /// @param q [B, N, S, D]
    /// @param k [B, K, T, D] with K dividing N
    /// @param v as k
    /// @param mask [B or 1, 1, S, T], of q's dtype
    /// @return [B, N, S, D]
    public static Tensor maskedAttention(Tensor q, Tensor k, Tensor v, Tensor mask, double scale) {
        return torch.scaled_dot_product_attention(
                q, k, v, new TensorOptional(mask), 0.0, false, new DoubleOptional(scale), true);
    }

    /// The Euclidean norm, computed in float32: [].
    public static Tensor norm(Tensor x) {
        return x.norm(new ScalarOptional(new Scalar(2.0)), ScalarType.Float);
    }

    /// The Euclidean norm of every row, computed in float32.
    ///
    /// @param norms [N, 1] float32, overwritten
    /// @param x [N, D]
    public static void rowNormsInto(Tensor norms, Tensor x) {
        torch.linalg_vector_norm_out(
                norms, x, new Scalar(2.0), new long[] {-1}, true, new ScalarTypeOptional(ScalarType.Float));
    }

    /// Every row of a matrix divided by its Euclidean norm, or by 1e-12 if that is larger (torch: `normalize`).
    public static Tensor unitRows(Tensor x) {
        return x.div(rowNorms(x));
    }

    /// The norms that [#unitRows] divides by: [rows, 1].
    public static Tensor rowNorms(Tensor x) {
        return x.norm(new ScalarOptional(new Scalar(2.0)), new long[] {1}, true).clamp_min(new Scalar(1e-12));
    }

    public static Tensor stack(TensorVector tensors) {
        return torch.stack(tensors);
    }

    /// The lists of one fused AdamW call, parallel to each other and all float32; `steps` are scalars that
    /// already count this step.
    public record AdamWTensors(
            TensorVector values, TensorVector gradients, TensorVector first, TensorVector second, TensorVector steps) {}

    /// The numbers of one fused AdamW call.
    public record AdamWRates(double learningRate, double beta1, double beta2, double weightDecay, double epsilon) {}

    /// Updates values and moments in place.
    public static void fusedAdamW(AdamWTensors tensors, AdamWRates rates) {
        IValueVector stack = new IValueVector(
                list(tensors.values()),
                list(tensors.gradients()),
                list(tensors.first()),
                list(tensors.second()),
                list(new TensorVector()),
                list(tensors.steps()),
                new IValue(rates.learningRate()),
                new IValue(rates.beta1()),
                new IValue(rates.beta2()),
                new IValue(rates.weightDecay()),
                new IValue(rates.epsilon()),
                new IValue(false),
                new IValue(false),
                new IValue(),
                new IValue());
        FUSED_ADAMW.callBoxed(stack);
    }

    /// An operator by its schema name. The handle outlives the scope in which this class is loaded.
    private static OperatorHandle operator(String name) {
        OperatorHandle handle = Dispatcher.singleton().findSchemaOrThrow(name, "");
        handle.retainReference();
        return handle;
    }

    /// A list argument for a boxed call. `new IValue(TensorVector)` would make a blob without an error.
    public static IValue list(TensorVector tensors) {
        return new IValue(new GenericList(new TensorList(tensors)));
    }

    /// True if two handles reach one tensor object. One storage is not enough: two tensors on one storage are
    /// trained separately.
    public static boolean same(Tensor a, Tensor b) {
        return address(a) == address(b);
    }

    /// The address of the tensor object itself.
    public static long address(Tensor tensor) {
        try (var implementation = tensor.unsafeGetTensorImpl()) {
            return implementation.address();
        }
    }
}
