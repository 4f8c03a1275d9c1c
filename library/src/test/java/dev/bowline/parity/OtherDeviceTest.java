package dev.bowline.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.LazyDevice;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.LinearStack;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A model on a device other than the CPU computes the reference's values there, and its tensors are created there.
///
/// The lazy device refuses an operand on the CPU in the operators that it computes itself, such as products, sums and
/// lookups. The few operators that it leaves to the CPU, such as `logical_or`, accept one.
class OtherDeviceTest {

    @ParameterizedTest
    @MethodSource("fixtures")
    void logitsLossAndGradientsAreThoseOfTransformers(Fixture fixture) {
        try (TensorScope _ = TensorScope.open();
                Pretrained opened = open(fixture)) {
            TokenRows batch = TokenRows.padded(fixture.reference());

            Distance distance = Distance.between(
                    Outcome.recorded(fixture.reference(), "", batch),
                    Outcome.of(opened.model(), batch, new ChunkedCrossEntropy(512)));

            assertEquals(KernelPolicy.LIBTORCH, opened.model().kernels());
            opened.model()
                    .parameters()
                    .forEach((name, parameter) -> assertEquals(LazyDevice.DEVICE, Device.of(parameter.value()), name));
            assertTrue(distance.logits() <= Distance.LOGITS_BOUND, distance.toString());
            assertTrue(distance.gradient() <= Distance.GRADIENT_BOUND, distance.toString());
        }
    }

    @Test
    void aTensorThatIsLeftOnTheCpuIsRefused() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor there = Ops.zeros(LazyDevice.DEVICE, Dtype.FLOAT32, 2, 3);
            Tensor here = Ops.zeros(Device.CPU, Dtype.FLOAT32, 2, 3);

            assertThrows(RuntimeException.class, () -> there.add(here));
        }
    }

    private static Pretrained open(Fixture fixture) {
        Pretrained opened = AutoModel.fromPretrained(
                fixture.directory(),
                AutoModel.Options.asStored().in(Dtype.FLOAT32).on(LazyDevice.DEVICE));
        selectExperts(opened.model());
        return opened;
    }

    /// The lazy device cannot multiply with a part of a split tensor, which is how plain kernels reach the matrices of
    /// all experts. An operator that is not the layer's own selects its matrix instead.
    private static void selectExperts(Layer layer) {
        if (layer instanceof LinearStack stack) {
            stack.children().forEach(expert -> ((Linear) expert).replace(SameOperator::new));
        } else {
            layer.children().forEach(OtherDeviceTest::selectExperts);
        }
    }

    private record SameOperator(LinearOperator operator) implements LinearOperator {

        @Override
        public long in() {
            return operator.in();
        }

        @Override
        public long out() {
            return operator.out();
        }

        @Override
        public List<Slot> slots() {
            return operator.slots();
        }

        @Override
        public void forwardInto(Tensor y, Tensor x) {
            operator.forwardInto(y, x);
        }

        @Override
        public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
            operator.inputGradientInto(dx, dy, factor);
        }

        @Override
        public void addInputGradient(Tensor dx, Tensor dy, double factor) {
            operator.addInputGradient(dx, dy, factor);
        }

        @Override
        public void addWeightGradient(Tensor dy, Tensor x, double factor) {
            operator.addWeightGradient(dy, x, factor);
        }
    }

    /// One fixture of every family, and those of Gemma 4 with experts, with shared keys and values and with per-layer
    /// embeddings.
    static Stream<Fixture> fixtures() {
        return Stream.concat(
                Family.ALL.stream().map(family -> family.fixtures().getFirst()),
                Stream.of("moe_tied", "e2b_like", "dense_kv", "placeholders").map(name -> new Fixture("gemma4", name)));
    }
}
