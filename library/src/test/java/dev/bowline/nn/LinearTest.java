package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A projection whose backward pass is its own, as processors without bfloat16 kernels take it, against libtorch's.
/// In float32, where the two compute the same products, on every processor.
class LinearTest {

    @BeforeEach
    void seed() {
        torch.manual_seed(11);
    }

    /// Wider than its input, as wide, and narrower.
    @ParameterizedTest
    @CsvSource({"4, 9, NONE", "4, 9, PRESENT", "5, 5, NONE", "5, 5, PRESENT", "8, 3, NONE", "8, 3, PRESENT"})
    void valuesAndGradientsAreLibtorchs(int in, int out, Linear.Bias bias) {
        try (var _ = TensorScope.open()) {
            Linear linear = filled(new Linear("linear", in, out, bias));
            Tensor x = random(2, 3, in).set_requires_grad(true);
            Tensor dy = random(2, 3, out);

            Tensor expected = torch.linear(
                    x,
                    linear.weight().tensor(),
                    linear.bias().map(slot -> new TensorOptional(slot.tensor())).orElseGet(TensorOptional::new));
            Ops.backward(expected, dy);
            Tensor dx = x.grad().clone();
            x.mutable_grad().reset();
            Tensor dw = taken(linear.weight());
            Tensor db = linear.bias().map(LinearTest::taken).orElse(dw);

            Tensor y = LinearFunction.apply(linear.operator(), x);
            close(expected, y);
            Ops.backward(y, dy);
            close(dx, x.grad());
            close(dw, taken(linear.weight()));
            close(db, linear.bias().map(LinearTest::taken).orElse(dw));
        }
    }

    @Test
    void aFrozenInputStillTrainsTheWeight() {
        try (var _ = TensorScope.open()) {
            Linear linear = filled(new Linear("linear", 4, 3));
            Tensor x = random(5, 4);
            Tensor dy = random(5, 3);
            Ops.backward(LinearFunction.apply(linear.operator(), x), dy);
            close(dy.t().mm(x), taken(linear.weight()));
        }
    }

    @Test
    void aFrozenWeightStillLeadsTheGradientOn() {
        try (var _ = TensorScope.open()) {
            Linear linear = filled(new Linear("linear", 4, 3));
            linear.weight().get().freeze();
            Tensor x = random(5, 4).set_requires_grad(true);
            Tensor dy = random(5, 3);
            Ops.backward(LinearFunction.apply(linear.operator(), x), dy);
            close(dy.mm(linear.weight().tensor()), x.grad());
            assertFalse(linear.weight().get().gradient().isPresent());
        }
    }

    /// The backward pass of a trained weight needs the input, the one of a frozen weight does not.
    @Test
    void theGraphKeepsNoInputForAFrozenWeight() {
        try (var _ = TensorScope.open()) {
            Linear linear = filled(new Linear("linear", 4, 3));
            Tensor x = random(5, 4).set_requires_grad(true).clone();
            long uses = x.storage().use_count();
            Tensor trained;
            try (var inner = TensorScope.open()) {
                trained = inner.escape(LinearFunction.apply(linear.operator(), x));
            }
            long usesByTrained = x.storage().use_count();
            linear.weight().get().freeze();
            try (var inner = TensorScope.open()) {
                inner.escape(LinearFunction.apply(linear.operator(), x));
            }
            assertTrue(usesByTrained > uses, usesByTrained + " uses");
            assertEquals(usesByTrained, x.storage().use_count());
            assertTrue(trained.requires_grad());
        }
    }

    /// bfloat16 on this processor, whichever way it takes, against float32 on the same values: off by no more than
    /// roundings to 8 bits are.
    @Test
    void bfloat16IsCloseToFloat32() {
        try (var _ = TensorScope.open()) {
            Linear linear = filled(new Linear("linear", 40, 30, Linear.Bias.PRESENT));
            linear.parameters().values().forEach(parameter -> parameter.cast(Dtype.BFLOAT16));
            Tensor x = Ops.cast(random(6, 40), Dtype.BFLOAT16).set_requires_grad(true);
            Tensor dy = Ops.cast(random(6, 30), Dtype.BFLOAT16);
            Tensor y = linear.forward(x);
            Ops.backward(y, dy);

            Tensor w = wide(linear.weight().tensor());
            Tensor bias = wide(linear.bias().orElseThrow().tensor());
            near(wide(x).mm(w.t()).add(bias), y);
            near(wide(dy).mm(w), x.grad());
            near(wide(dy).t().mm(wide(x)), linear.weight().get().gradient().orElseThrow());
            near(wide(dy).sum(0), linear.bias().orElseThrow().get().gradient().orElseThrow());
        }
    }

    private static Tensor taken(Slot slot) {
        Tensor gradient = slot.get().gradient().orElseThrow().clone();
        slot.get().clearGradient();
        return gradient;
    }

    private static Tensor random(long... shape) {
        return torch.randn(shape, new TensorOptions(Dtype.FLOAT32.scalarType()));
    }

    private static Linear filled(Linear linear) {
        linear.parameters().values().forEach(parameter -> parameter.materialize(random(parameter.shape())));
        return linear;
    }

    private static Tensor wide(Tensor x) {
        return Ops.cast(x.detach(), Dtype.FLOAT32);
    }

    private static void close(Tensor expected, Tensor actual) {
        assertEquals(0, distance(expected, actual), 1e-6);
    }

    private static void near(Tensor expected, Tensor actual) {
        assertEquals(0, distance(expected, wide(actual)), 0.004);
    }

    private static double distance(Tensor expected, Tensor actual) {
        double norm = Ops.norm(expected.detach()).item_double();
        assertTrue(norm > 0.1);
        return Ops.norm(expected.detach().sub(actual.detach())).item_double() / norm;
    }
}
