package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every way through a low-rank operator, recorded by autograd or into given tensors, has the results and
/// gradients of its formula, which is written here with operators of libtorch.
class LoraLinearTest {

    private static final long IN = 6;
    private static final long OUT = 9;
    private static final long RANK = 3;
    private static final long ROWS = 10;
    private static final double SCALE = 1.5;
    private static final Dropout DROPOUT = new Dropout(0.4, 77);

    enum Kind {
        LORA,
        INPUT_DROPOUT,
        OUTPUT_DROPOUT,
        DORA,
        DORA_DROPOUT
    }

    /// Leaves of a formula and the operator on the same values.
    private static final class Case {

        private final Linear linear;
        private final Slot a = new Slot("a", SlotRole.ADAPTER, RANK, IN);
        private final Slot b = new Slot("b", SlotRole.ADAPTER, OUT, RANK);
        private final Slot m = new Slot("m", SlotRole.ADAPTER, OUT);
        private final Kind kind;

        Case(Kind kind, Linear.Bias bias, RandomSource random) {
            this.kind = kind;
            linear = new Linear("linear", IN, OUT, bias);
            for (Slot slot : linear.operator().slots()) {
                slot.get().materialize(random.normal(0.5, slot.shape()));
                slot.get().freeze();
            }
            List.of(a, b, m).forEach(slot -> slot.get().materialize(random.normal(0.7, slot.shape())));
            LinearOperator operator = operator(linear.operator());
            linear.replace(_ -> operator);
        }

        private LinearOperator operator(LinearOperator base) {
            LowRankPair pair = LowRankPair.of(a, b, SCALE);
            return switch (kind) {
                case LORA -> new LoraLinear(base, pair, linear::kernels);
                case INPUT_DROPOUT -> LoraLinear.withInputDropout(base, pair, DROPOUT, linear::kernels);
                case OUTPUT_DROPOUT -> LoraLinear.withOutputDropout(base, pair, DROPOUT, linear::kernels);
                case DORA -> dora(base, pair, Optional.empty());
                case DORA_DROPOUT -> dora(base, pair, Optional.of(DROPOUT));
            };
        }

        private LinearOperator dora(LinearOperator base, LowRankPair pair, Optional<Dropout> dropout) {
            Tensor squaredNorms = base.squaredRowNorms();
            return new DoraLinear(
                    base, linear.bias(), new DoraLinear.Trained(pair, m), () -> squaredNorms, dropout, linear::kernels);
        }

        List<Slot> trained() {
            return switch (kind) {
                case LORA, INPUT_DROPOUT, OUTPUT_DROPOUT -> List.of(a, b);
                case DORA, DORA_DROPOUT -> List.of(a, b, m);
            };
        }

        /// y and the gradients of x and of the trained values, for dL/dy.
        List<Tensor> formula(Tensor x, Tensor dy) {
            Tensor leaf = x.detach().clone().set_requires_grad(true);
            List<Tensor> leaves = new ArrayList<>(List.of(leaf));
            trained().forEach(slot -> leaves.add(slot.tensor().detach().clone().set_requires_grad(true)));
            Tensor y = formula(leaves);
            Ops.backward(y, dy);
            List<Tensor> results = new ArrayList<>(List.of(y.detach()));
            leaves.forEach(each -> results.add(new Tensor(each.grad())));
            return results;
        }

        private Tensor formula(List<Tensor> leaves) {
            Tensor x = leaves.get(0);
            Tensor w = linear.weight().tensor().detach();
            Tensor delta = leaves.get(2).mm(leaves.get(1)).mul(new Scalar(SCALE));
            Tensor bias = linear.bias()
                    .map(slot -> slot.tensor().detach())
                    .orElseGet(() -> Ops.newZeros(w, Dtype.FLOAT32, OUT));
            Tensor plain = torch.linear(x, w).add(bias);
            return switch (kind) {
                case LORA -> plain.add(torch.linear(x, delta));
                case INPUT_DROPOUT -> plain.add(torch.linear(DROPOUT.of(x), delta));
                case OUTPUT_DROPOUT -> plain.add(DROPOUT.of(torch.linear(x, delta)));
                case DORA ->
                    torch.linear(x, w.add(delta)).mul(factor(leaves, w, delta)).add(bias);
                case DORA_DROPOUT -> {
                    Tensor kept = DROPOUT.of(x);
                    Tensor c = factor(leaves, w, delta);
                    yield plain.sub(torch.linear(kept, w))
                            .add(torch.linear(kept, w.add(delta)).mul(c));
                }
            };
        }

        private static Tensor factor(List<Tensor> leaves, Tensor w, Tensor delta) {
            return leaves.get(3).div(Ops.rowNorms(w.add(delta).detach()).squeeze(1));
        }
    }

    @ParameterizedTest
    @EnumSource
    void theRecordedPassHasTheGradientsOfTheFormula(Kind kind) {
        compare(kind, KernelPolicy.FUSED_CPU, LoraLinearTest::recorded);
        compare(kind, KernelPolicy.LIBTORCH, LoraLinearTest::recorded);
    }

    @ParameterizedTest
    @EnumSource
    void thePassIntoGivenTensorsHasTheGradientsOfTheFormula(Kind kind) {
        compare(kind, KernelPolicy.FUSED_CPU, LoraLinearTest::given);
        compare(kind, KernelPolicy.LIBTORCH, LoraLinearTest::given);
    }

    @ParameterizedTest
    @EnumSource
    void bothGradientsAtOnceAreThoseOfTheFormula(Kind kind) {
        compare(kind, KernelPolicy.FUSED_CPU, LoraLinearTest::combined);
        compare(kind, KernelPolicy.LIBTORCH, LoraLinearTest::combined);
    }

    private static void compare(Kind kind, KernelPolicy kernels, BiFunction<Case, Tensor[], List<Tensor>> pass) {
        for (Linear.Bias bias : Linear.Bias.values()) {
            try (TensorScope _ = TensorScope.open();
                    RandomSource random = RandomSource.seeded(4)) {
                Case each = new Case(kind, bias, random);
                each.linear.useKernels(kernels);
                Tensor x = random.normal(1, ROWS, IN);
                Tensor dy = random.normal(1, ROWS, OUT);
                List<Tensor> expected = each.formula(x, dy);

                List<Tensor> actual = new ArrayList<>(pass.apply(each, new Tensor[] {x, dy}));

                each.trained().forEach(slot -> actual.add(slot.get().gradientBuffer()));
                assertEquals(expected.size(), actual.size());
                for (int i = 0; i < expected.size(); i++) {
                    double distance =
                            actual.get(i).sub(expected.get(i)).abs().max().item_double();
                    int index = i;
                    assertTrue(distance < 1e-4, () -> "result %d is off by %s".formatted(index, distance));
                }
            }
        }
    }

    private static List<Tensor> recorded(Case each, Tensor[] given) {
        Tensor x = given[0].detach().clone().set_requires_grad(true);
        Tensor y = each.linear.forward(x);
        Ops.backward(y, given[1]);
        return List.of(y.detach(), new Tensor(x.grad()));
    }

    /// The gradient of x is computed in two halves, one added to the other, and those of the matrices likewise.
    private static List<Tensor> given(Case each, Tensor[] given) {
        try (NoGradGuard _ = new NoGradGuard()) {
            LinearOperator operator = each.linear.operator().prepared();
            Tensor y = torch.empty_like(given[1]);
            operator.forwardInto(y, given[0]);
            Tensor dx = torch.empty_like(given[0]);
            operator.inputGradientInto(dx, given[1], 0.25);
            operator.addInputGradient(dx, given[1], 0.75);
            operator.addWeightGradient(given[1], given[0], 0.25);
            WeightGradientSum sum = operator.weightGradientSum(1);
            sum.add(given[1], given[0], 0.75);
            sum.finish();
            return List.of(y, dx);
        }
    }

    /// As above, with all gradients of a half in one call.
    private static List<Tensor> combined(Case each, Tensor[] given) {
        try (NoGradGuard _ = new NoGradGuard()) {
            LinearOperator operator = each.linear.operator();
            Tensor y = torch.empty_like(given[1]);
            operator.forwardInto(y, given[0]);
            Tensor dx = operator.gradients(Ops.times(given[1], 0.25), given[0]);
            operator.addGradients(dx, Ops.times(given[1], 0.75), given[0]);
            return List.of(y, dx);
        }
    }

    @Test
    void aMaskIsTheSameForTheSameSeed() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor x = HostTensors.of(new float[5000], 50, 100);
            Tensor mask = DROPOUT.mask(x);

            assertTrue(mask.equal(DROPOUT.mask(x)));
            assertEquals(1.0, mask.mean().item_double(), 0.05);
            assertTrue(!mask.equal(new Dropout(0.4, 78).mask(x)));
        }
    }
}
