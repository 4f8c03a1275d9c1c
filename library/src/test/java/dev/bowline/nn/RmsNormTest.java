package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.fixtures.TwoThreads;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// More rows than a block has, several blocks for each of two threads, against the formula with autograd's backward
/// pass on the same values in float32.
@ExtendWith(TwoThreads.class)
class RmsNormTest {

    /// Five blocks, the last of them not full.
    private static final long ROWS = 1100;

    private static final long WIDTH = 512;
    private static final double EPSILON = 0.1;

    /// Of a tensor's norm. A bfloat16 has 8 bits: half a step of the last one is 0.002 to 0.004.
    private static double bound(Dtype dtype) {
        return dtype == Dtype.FLOAT32 ? 1e-5 : 0.01;
    }

    @ParameterizedTest
    @EnumSource
    void valuesAndGradientsAreThoseOfTheFormula(RmsNorm.Scale scale) {
        check(scale, Dtype.FLOAT32);
        check(scale, Dtype.BFLOAT16);
    }

    private static void check(RmsNorm.Scale scale, Dtype dtype) {
        try (TensorScope _ = TensorScope.open()) {
            torch.manual_seed(7);
            RmsNorm norm = new RmsNorm("norm", WIDTH, EPSILON, scale);
            norm.weight().ifPresent(slot -> slot.get().materialize(random(dtype, WIDTH)));
            // Rows of many sizes, so that epsilon matters in some.
            Tensor x = Ops.cast(random(Dtype.FLOAT32, ROWS, WIDTH).mul(random(Dtype.FLOAT32, ROWS, 1)), dtype)
                    .set_requires_grad(true);
            Tensor dy = random(dtype, ROWS, WIDTH);

            Tensor y = norm.forward(x);
            Ops.backward(y, dy);

            Tensor x32 = Ops.cast(x.detach(), Dtype.FLOAT32).set_requires_grad(true);
            Tensor w32 = norm.weight()
                    .map(slot -> Ops.cast(slot.tensor().detach(), Dtype.FLOAT32))
                    .orElseGet(() -> Ops.full(Device.CPU, Dtype.FLOAT32, 1, WIDTH))
                    .set_requires_grad(true);
            Tensor factor = scale == RmsNorm.Scale.LEARNED_AROUND_ONE ? w32.add(new Scalar(1.0)) : w32;
            Tensor expected = formula(x32).mul(factor);
            Ops.backward(expected, Ops.cast(dy, Dtype.FLOAT32));

            assertNear(expected, y, dtype, "y");
            assertNear(new Tensor(x32.grad()), new Tensor(x.grad()), dtype, "dx");
            norm.weight()
                    .ifPresent(slot -> assertNear(
                            new Tensor(w32.grad()), slot.get().gradient().orElseThrow(), dtype, "dw"));
        }
    }

    private static Tensor formula(Tensor x) {
        return x.div(x.mul(x)
                .mean(new long[] {-1}, true, new ScalarTypeOptional())
                .add(new Scalar(EPSILON))
                .sqrt());
    }

    @Test
    void withoutAGradientTheValuesAreTheSame() {
        try (TensorScope _ = TensorScope.open()) {
            RmsNorm norm = new RmsNorm("norm", WIDTH, EPSILON);
            norm.weight().orElseThrow().get().materialize(random(Dtype.BFLOAT16, WIDTH));
            Tensor x = random(Dtype.BFLOAT16, ROWS, WIDTH).set_requires_grad(true);
            Tensor recorded = norm.forward(x);
            try (NoGradGuard _ = new NoGradGuard()) {
                assertTrue(recorded.equal(norm.forward(x)));
            }
        }
    }

    @Test
    void onlyTheWeightNeedsAGradient() {
        try (TensorScope _ = TensorScope.open()) {
            RmsNorm norm = new RmsNorm("norm", WIDTH, EPSILON);
            Parameter weight = norm.weight().orElseThrow().get();
            weight.materialize(random(Dtype.FLOAT32, WIDTH));
            Tensor x = random(Dtype.FLOAT32, ROWS, WIDTH);
            Tensor dy = random(Dtype.FLOAT32, ROWS, WIDTH);

            Ops.backward(norm.forward(x), dy);

            assertNear(formula(x).mul(dy).sum(0), weight.gradient().orElseThrow(), Dtype.FLOAT32, "dw");
            weight.freeze();
            assertFalse(norm.forward(x).requires_grad());
        }
    }

    private static void assertNear(Tensor expected, Tensor actual, Dtype dtype, String what) {
        Tensor exact = Ops.cast(expected.detach(), Dtype.FLOAT32);
        double error =
                Ops.norm(Ops.cast(actual.detach(), Dtype.FLOAT32).sub(exact)).item_double()
                        / Ops.norm(exact).item_double();
        assertTrue(error < bound(dtype), "%s in %s is off by %s".formatted(what, dtype, error));
    }

    private static Tensor random(Dtype dtype, long... shape) {
        return Ops.cast(torch.randn(shape, new TensorOptions(Dtype.FLOAT32.scalarType())), dtype);
    }
}
