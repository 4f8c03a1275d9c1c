package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.fixtures.TwoThreads;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The backward passes of experts and feed-forwards against libtorch's own gradients of the formula written out.
@ExtendWith(TwoThreads.class)
class GatedExpertsTest {

    private static final int TOKENS = 7;
    private static final int EXPERTS = 5;
    private static final int WIDTH = 6;
    private static final int INNER = 3;

    @BeforeEach
    void seed() {
        torch.manual_seed(3);
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void theGradientsOfExpertsAreThoseOfTheFormula(Activation activation) {
        try (var _ = TensorScope.open()) {
            GatedExperts experts = filled(new GatedExperts("experts", EXPERTS, WIDTH, INNER, activation));
            Tensor x = random(TOKENS, WIDTH);
            Tensor weight = random(TOKENS, 2);
            // Expert 4 gets no token.
            Tensor index = HostTensors.of(new long[] {0, 1, 1, 2, 3, 0, 2, 3, 0, 3, 1, 0, 2, 1}, TOKENS, 2);
            Tensor dy = random(TOKENS, WIDTH).detach();
            Tensor gateUp = experts.gateUp().weight().tensor();
            Tensor down = experts.down().weight().tensor();

            same(
                    dy,
                    () -> experts.forward(x, index, weight),
                    () -> writtenOut(x, index, weight, gateUp, down, activation),
                    x,
                    weight,
                    gateUp,
                    down);
        }
    }

    /// The rows of the experts are rounded up, and the rows that fill up change no gradient.
    @Test
    void theGradientsInBfloat16AreThoseOfTheFormulaButForRounding() {
        int tokens = 70;
        try (var _ = TensorScope.open()) {
            GatedExperts experts = filled(new GatedExperts("experts", EXPERTS, WIDTH, INNER));
            experts.parameters().values().forEach(parameter -> parameter.cast(Dtype.BFLOAT16));
            Tensor x = rounded(random(tokens, WIDTH));
            Tensor weight = random(tokens, 2);
            long[] chosen = LongStream.range(0, 2L * tokens)
                    .map(i -> i % 2 == 0 ? i % 3 : 3)
                    .toArray();
            Tensor index = HostTensors.of(chosen, tokens, 2);
            Tensor dy = rounded(random(tokens, WIDTH));
            Tensor x16 = Ops.cast(x, Dtype.BFLOAT16).set_requires_grad(true);
            Ops.backward(experts.forward(x16, index, weight), Ops.cast(dy, Dtype.BFLOAT16));
            Tensor dWeight = new Tensor(weight.grad()).clone();
            weight.mutable_grad().reset();

            Tensor gateUp = wide(experts.gateUp().weight().tensor());
            Tensor down = wide(experts.down().weight().tensor());
            Tensor wideX = x.set_requires_grad(true);
            Ops.backward(writtenOut(wideX, index, weight, gateUp, down, Activation.GELU_TANH), dy);
            double rounding = 0.02;
            close(new Tensor(wideX.grad()), new Tensor(x16.grad()), rounding);
            close(new Tensor(weight.grad()), dWeight, rounding);
            close(new Tensor(gateUp.grad()), gradient(experts.gateUp()), rounding);
            close(new Tensor(down.grad()), gradient(experts.down()), rounding);
        }
    }

    private static Tensor rounded(Tensor x) {
        return Ops.cast(Ops.cast(x.detach(), Dtype.BFLOAT16), Dtype.FLOAT32);
    }

    private static Tensor wide(Tensor x) {
        return Ops.cast(x.detach(), Dtype.FLOAT32).set_requires_grad(true);
    }

    private static Tensor gradient(LinearStack stack) {
        return stack.weight().get().gradient().orElseThrow();
    }

    /// Two backward passes add up, as micro-batches do.
    @Test
    void aFrozenInputStillTrainsTheExperts() {
        try (var _ = TensorScope.open()) {
            GatedExperts experts = filled(new GatedExperts("experts", EXPERTS, WIDTH, INNER));
            Tensor x = random(TOKENS, WIDTH).detach();
            Tensor weight = random(TOKENS, 1).detach();
            Tensor index = HostTensors.of(new long[] {0, 1, 2, 3, 4, 0, 1}, TOKENS, 1);
            Tensor dy = random(TOKENS, WIDTH).detach();
            Ops.backward(experts.forward(x, index, weight), dy);
            Tensor once = experts.down().weight().get().gradient().orElseThrow().clone();
            assertTrue(Ops.norm(once).item_double() > 0.1);
            Ops.backward(experts.forward(x, index, weight), dy);
            close(
                    once.mul(new Scalar(2.0)),
                    experts.down().weight().get().gradient().orElseThrow());
        }
    }

    @ParameterizedTest
    @EnumSource(Linear.Bias.class)
    void theGradientsOfAFeedForwardAreThoseOfTheFormula(Linear.Bias bias) {
        try (var _ = TensorScope.open()) {
            Linear gate = filled(new Linear("gate", WIDTH, INNER, bias));
            Linear up = filled(new Linear("up", WIDTH, INNER, bias));
            Linear down = filled(new Linear("down", INNER, WIDTH, bias));
            GatedFeedForward gated = new GatedFeedForward(gate, up, down, Activation.SILU);
            Tensor x = random(2, TOKENS, WIDTH);
            Tensor[] inputs = Stream.concat(
                            Stream.of(x),
                            Stream.of(gate, up, down)
                                    .flatMap(linear -> linear.parameters().values().stream())
                                    .map(Parameter::value))
                    .toArray(Tensor[]::new);
            same(
                    random(2, TOKENS, WIDTH).detach(),
                    () -> gated.forward(x),
                    () -> down.forward(torch.silu(gate.forward(x)).mul(up.forward(x))),
                    inputs);
        }
    }

    private static Tensor writtenOut(
            Tensor x, Tensor index, Tensor weight, Tensor gateUp, Tensor down, Activation activation) {
        Tensor sum = Ops.zeros(Device.CPU, Dtype.FLOAT32, x.size(0), WIDTH);
        for (int k = 0; k < index.size(1); k++) {
            Tensor chosen = index.select(1, k);
            Tensor both = torch.bmm(gateUp.index_select(0, chosen), x.unsqueeze(2));
            Tensor p = activation.apply(both.narrow(1, 0, INNER)).mul(both.narrow(1, INNER, INNER));
            Tensor y = torch.bmm(down.index_select(0, chosen), p).squeeze(2);
            sum = sum.add(y.mul(weight.narrow(1, k, 1)));
        }
        return sum;
    }

    private static void same(Tensor dy, Supplier<Tensor> ours, Supplier<Tensor> reference, Tensor... inputs) {
        Tensor y = ours.get();
        Ops.backward(y, dy);
        Tensor[] gradients = new Tensor[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            gradients[i] = new Tensor(inputs[i].grad()).clone();
            inputs[i].mutable_grad().reset();
        }
        Tensor expected = reference.get();
        Ops.backward(expected, dy);
        close(expected, y);
        for (int i = 0; i < inputs.length; i++) {
            close(new Tensor(inputs[i].grad()), gradients[i]);
        }
    }

    private static void close(Tensor expected, Tensor actual) {
        close(expected, actual, 1e-5);
    }

    private static void close(Tensor expected, Tensor actual, double tolerance) {
        double size = Ops.norm(expected.detach()).item_double();
        assertTrue(size > 0.1, "the expected values are next to nothing");
        assertEquals(0, Ops.norm(expected.detach().sub(actual.detach())).item_double() / size, tolerance);
    }

    private static Tensor random(long... shape) {
        return torch.randn(shape, new TensorOptions(Dtype.FLOAT32.scalarType())).set_requires_grad(true);
    }

    private static <L extends Layer> L filled(L layer) {
        layer.parameters().values().forEach(p -> p.materialize(random(p.shape()).detach()));
        return layer;
    }
}
