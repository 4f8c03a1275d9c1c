package dev.bowline.nn;

import dev.bowline.tensor.Shapes;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A [LinearOperator] as an [AutogradFunction]. The graph keeps the input if a parameter of the operator is trained,
/// and nothing otherwise.
///
/// An autograd function maps a shape to the same shape, and a linear maps [N, in] to [N, out], so input and
/// output are padded to [N, W] with W the larger of the two.
final class LinearFunction {

    private LinearFunction() {}

    /// @param x [..., in]
    /// @return [..., out]
    static Tensor apply(LinearOperator operator, Tensor x) {
        long in = operator.in();
        long out = operator.out();
        Tensor rows = AutogradFunction.requiring(x).reshape(-1, in);
        Tensor inputs = in < out ? torch.constant_pad_nd(rows, new long[] {0, out - in}) : rows;
        Tensor outputs;
        try (NoGradGuard _ = new NoGradGuard()) {
            outputs = torch.zeros_like(inputs);
            operator.forwardInto(outputs.narrow(1, 0, out), rows.detach());
        }
        if (operator.requiresGrad()) {
            AutogradFunction.attach(inputs, outputs, (saved, dy) -> trained(operator, saved[0], dy), rows);
        } else {
            AutogradFunction.attach(inputs, outputs, (_, dy) -> frozen(operator, dy));
        }
        long[] shape = Shapes.of(x);
        shape[shape.length - 1] = out;
        return outputs.narrow(1, 0, out).view(shape);
    }

    /// @param x [N, in]
    /// @param padded dL/dy in its first columns, [N, W]
    /// @return dL/dx in its first columns, [N, W]
    private static Tensor trained(LinearOperator operator, Tensor x, Tensor padded) {
        Tensor gradients = torch.zeros_like(padded);
        operator.gradientsInto(gradients.narrow(1, 0, operator.in()), padded.narrow(1, 0, operator.out()), x);
        return gradients;
    }

    private static Tensor frozen(LinearOperator operator, Tensor padded) {
        Tensor gradients = torch.zeros_like(padded);
        operator.inputGradientInto(gradients.narrow(1, 0, operator.in()), padded.narrow(1, 0, operator.out()), 1);
        return gradients;
    }
}
