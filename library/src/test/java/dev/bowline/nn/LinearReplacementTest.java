package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.fixtures.LazyDevice;
import dev.bowline.fixtures.TwoThreads;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A replaced operator computes its linear under every kernel policy, with its own values and on the device of the
/// model. A backward pass uses the operators of its forward pass.
@ExtendWith(TwoThreads.class)
class LinearReplacementTest {

    private static final int TOKENS = 6;
    private static final int EXPERTS = 4;
    private static final int WIDTH = 5;
    private static final int INNER = 3;

    private final RandomSource random = RandomSource.seeded(5);

    private <L extends Layer> L filled(L layer) {
        layer.parameters().values().forEach(parameter -> parameter.materialize(random.normal(1, parameter.shape())));
        return layer;
    }

    private static Tensor index() {
        return HostTensors.of(new long[] {0, 1, 2, 3, 1, 3, 0, 2, 2, 0, 3, 1}, TOKENS, 2);
    }

    private static void replaceAll(LinearStack stack, LinearStack other) {
        for (int expert = 0; expert < EXPERTS; expert++) {
            LinearOperator operator = other.expert(expert).operator();
            stack.expert(expert).replace(_ -> operator);
        }
    }

    @ParameterizedTest
    @EnumSource(KernelPolicy.class)
    void expertsWithTheOperatorsOfOthersNeedNoValuesAndComputeWhatTheOthersCompute(KernelPolicy kernels) {
        try (TensorScope _ = TensorScope.open()) {
            GatedExperts others = filled(new GatedExperts("others", EXPERTS, WIDTH, INNER));
            GatedExperts experts = new GatedExperts("experts", EXPERTS, WIDTH, INNER);
            others.useKernels(kernels);
            experts.useKernels(kernels);
            replaceAll(experts.gateUp(), others.gateUp());
            replaceAll(experts.down(), others.down());
            Tensor x = random.normal(1, TOKENS, WIDTH);
            Tensor weight = random.normal(1, TOKENS, 2);

            Tensor expected = others.forward(x, index(), weight);

            assertTrue(expected.equal(experts.forward(x, index(), weight)));
        }
    }

    @ParameterizedTest
    @EnumSource(KernelPolicy.class)
    void aBackwardPassUsesTheOperatorsOfItsForwardPass(KernelPolicy kernels) {
        try (TensorScope _ = TensorScope.open()) {
            GatedExperts experts = filled(new GatedExperts("experts", EXPERTS, WIDTH, INNER));
            GatedExperts others = filled(new GatedExperts("others", EXPERTS, WIDTH, INNER));
            experts.useKernels(kernels);
            Tensor weight = random.normal(1, TOKENS, 2);
            Tensor x = random.normal(1, TOKENS, WIDTH).set_requires_grad(true);
            Tensor dy = random.normal(1, TOKENS, WIDTH);
            List<Parameter> trained = new ArrayList<>(experts.trainable().values());
            Ops.backward(experts.forward(x, index(), weight), dy);
            Tensor dx = x.grad().clone();
            List<Tensor> gradients = trained.stream()
                    .map(parameter -> parameter.gradient().orElseThrow().clone())
                    .toList();
            trained.forEach(Parameter::clearGradient);
            x.mutable_grad().reset();

            Tensor y = experts.forward(x, index(), weight);
            replaceAll(experts.gateUp(), others.gateUp());
            replaceAll(experts.down(), others.down());
            Ops.backward(y, dy);

            assertTrue(dx.allclose(x.grad()));
            for (int i = 0; i < trained.size(); i++) {
                assertTrue(gradients.get(i).allclose(trained.get(i).gradient().orElseThrow()));
            }
            others.parameters()
                    .values()
                    .forEach(parameter -> assertFalse(parameter.gradient().isPresent()));
        }
    }

    @Test
    void theSlotsOfAReplacementAreOnTheDeviceOfTheModel() {
        try (TensorScope _ = TensorScope.open()) {
            Linear linear = new Linear("linear", WIDTH, INNER);
            Linear other = new Linear("other", WIDTH, INNER);
            linear.to(LazyDevice.DEVICE);

            linear.replace(_ -> other.operator());
            other.weight().get().materialize(random.normal(1, INNER, WIDTH));

            assertEquals(
                    LazyDevice.DEVICE,
                    Device.of(linear.operator().slots().getFirst().tensor()));
        }
    }

    @Test
    void masksAndRotationsAreOnTheDeviceOfTheModel() {
        try (TensorScope _ = TensorScope.open()) {
            Placement there = new Placement(Dtype.FLOAT32, LazyDevice.DEVICE);
            List<Sequences> all = List.of(
                    Sequences.padded(new long[] {1, 1, 1, 0}, 1, 4),
                    Sequences.packed(new int[] {0, 0, 1, 1}, new int[] {0, 1, 0, 1}, 1, 4),
                    Sequences.continuing(1, 2, 3));
            for (Sequences sequences : all) {
                if (!(sequences.mask(OptionalInt.of(2), there) instanceof AttentionMask.Additive(VisibleKeys keys))) {
                    throw new AssertionError("a mask of the window is expected");
                }
                keys.limitTensor().ifPresent(tensor -> assertEquals(LazyDevice.DEVICE, Device.of(tensor)));
                assertEquals(LazyDevice.DEVICE, Device.of(keys.additive()));
                RotaryEmbedding.Table table = sequences.rotate(new Rope(1e4, 4, new RopeScaling.None()), there);
                assertEquals(LazyDevice.DEVICE, Device.of(table.cos()));
                assertEquals(LazyDevice.DEVICE, Device.of(table.sin()));
            }
        }
    }
}
