package dev.bowline.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.fixtures.Golden;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import dev.bowline.quantization.DynamicMap;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every optimizer reaches the weights that its reference reaches, under both kernel policies. The references are
/// torch.optim's; that of 8-bit moments follows the published description, in tools/make_optimizer_fixtures.py.
class OptimizerParityTest {

    private static final double LEARNING_RATE = 1e-2;
    private static final double BOUND = 2e-6;

    private final Golden reference = Golden.read(Golden.directory("optimizers", "steps.safetensors"));

    @ParameterizedTest
    @EnumSource
    void adamWFollowsTorch(KernelPolicy kernels) {
        requireParity("adamw", adamW(StateDtype.FLOAT32), kernels, List.of("ragged", "small", "vector"));
    }

    @ParameterizedTest
    @EnumSource
    void eightBitMomentsFollowTheirDescription(KernelPolicy kernels) {
        requireParity("adamw_int8", adamW(StateDtype.INT8), kernels, List.of("ragged"));
        requireParity("adamw", adamW(StateDtype.INT8), kernels, List.of("small", "vector"));
    }

    @ParameterizedTest
    @EnumSource
    void adafactorFollowsTorch(KernelPolicy kernels) {
        Adafactor.Settings settings = new Adafactor.Settings(0.5, Decayed.MATRICES);
        requireParity("adafactor", settings, kernels, List.of("ragged", "small", "vector"));
    }

    @Test
    void codesHaveTheValuesOfTheDescription() {
        assertArrayEquals(reference.floats("map.signed"), DynamicMap.SIGNED.levels(), 1e-7f);
        assertArrayEquals(reference.floats("map.unsigned"), DynamicMap.UNSIGNED.levels(), 1e-7f);
    }

    private static AdamW.Settings adamW(StateDtype dtype) {
        return new AdamW.Settings(0.9, 0.95, 1e-8, 0.5, Decayed.MATRICES, dtype);
    }

    /// Relative to the distance that the reference moved.
    private void requireParity(String rule, OptimizerSettings settings, KernelPolicy kernels, List<String> names) {
        try (TensorScope _ = TensorScope.open()) {
            Map<String, Parameter> parameters = new LinkedHashMap<>();
            for (String name : List.of("ragged", "small", "vector")) {
                Tensor start = reference.tensor("start." + name);
                Parameter parameter = new Parameter(SlotRole.BASE, Shapes.of(start));
                parameter.materialize(start.clone());
                parameters.put(name, parameter);
            }
            try (Optimizer optimizer = settings.create(parameters, kernels)) {
                for (float factor : reference.floats("factors")) {
                    parameters.forEach((name, parameter) -> {
                        Tensor direction = Ops.times(reference.tensor("direction." + name), factor);
                        Tensor gradient = direction.add(Ops.times(reference.tensor("start." + name), 0.25));
                        parameter.gradientBuffer().copy_(gradient);
                    });
                    optimizer.step(LEARNING_RATE);
                }
            }
            for (String name : names) {
                Tensor start = reference.tensor("start." + name);
                Tensor expected = reference.tensor(rule + "." + name).sub(start);
                Tensor value =
                        Objects.requireNonNull(parameters.get(name)).value().detach();
                double distance = Ops.norm(value.sub(start).sub(expected)).item_double()
                        / Ops.norm(expected).item_double();
                assertTrue(distance < BOUND, "%s of %s is off by %s".formatted(name, rule, distance));
            }
        }
    }
}
