package dev.bowline.parallel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.Ranks;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Optimizer;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.optim.StateBytes;
import dev.bowline.optim.StateDtype;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.SequencedMap;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// AdamW over slices that begin and end inside of parameters, against AdamW over whole parameters.
class SlicedAdamWTest {

    private static final int STEPS = 4;

    /// A matrix that two or three ranks share, with an end that is no multiple of a block; a long and a short vector.
    private static final Map<String, long[]> SHAPES = new LinkedHashMap<>();

    static {
        SHAPES.put("first.weight", new long[] {40, 1031});
        SHAPES.put("norm.weight", new long[] {48});
        SHAPES.put("long.bias", new long[] {9000});
    }

    private static SequencedMap<String, Parameter> parameters(Dtype dtype) {
        SequencedMap<String, Parameter> parameters = new LinkedHashMap<>();
        SHAPES.forEach((name, shape) -> {
            Parameter parameter = new Parameter(SlotRole.BASE, shape);
            parameter.materialize(Ops.cast(random(name, 0, shape), dtype));
            parameters.put(name, parameter);
        });
        return parameters;
    }

    private static Tensor random(String name, int step, long... shape) {
        Random random = new Random(31L * name.hashCode() + step);
        float[] values = new float[Math.toIntExact(HostTensors.elements(shape))];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return HostTensors.of(values, shape);
    }

    private static void steps(Optimizer optimizer, Map<String, Parameter> parameters, Dtype dtype, int from, int to) {
        for (int step = from; step < to; step++) {
            int number = step;
            parameters.forEach((name, parameter) ->
                    parameter.replaceGradient(Ops.cast(random(name, 1 + number, parameter.shape()), dtype)));
            optimizer.step(1e-2);
        }
    }

    private static Map<String, byte[]> bytes(Map<String, Tensor> tensors) {
        Map<String, byte[]> bytes = new HashMap<>();
        tensors.forEach((name, tensor) ->
                bytes.put(name, HostTensors.bytes(tensor.detach()).toArray(ValueLayout.JAVA_BYTE)));
        return bytes;
    }

    private static Map<String, Tensor> values(Map<String, Parameter> parameters) {
        Map<String, Tensor> values = new HashMap<>();
        parameters.forEach((name, parameter) -> values.put(name, parameter.value()));
        return values;
    }

    private static void assertSame(Map<String, byte[]> expected, Map<String, byte[]> actual) {
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, bytes) -> assertArrayEquals(bytes, actual.get(name), name));
    }

    /// Values and whole state after some steps.
    private record Result(Map<String, byte[]> values, Map<String, byte[]> state) {}

    private static Result run(OptimizerSettings settings, Dtype dtype) {
        try (TensorScope _ = TensorScope.open()) {
            SequencedMap<String, Parameter> parameters = parameters(dtype);
            try (Optimizer optimizer = settings.create(parameters, KernelPolicy.FUSED_CPU)) {
                steps(optimizer, parameters, dtype, 0, STEPS);
                Map<String, byte[]> state = new HashMap<>();
                optimizer.onFirst(() -> state.putAll(StateBytes.of(optimizer.whole())));
                return new Result(bytes(values(parameters)), state);
            }
        }
    }

    /// Continues from the state that the first rank gathered, which every rank reads as from a file.
    private static Result resumed(AdamW.Settings whole, ProcessGroup group, Dtype dtype) {
        try (TensorScope _ = TensorScope.open()) {
            SequencedMap<String, Parameter> before = parameters(dtype);
            SequencedMap<String, Parameter> after = parameters(dtype);
            try (Optimizer first = whole.create(before, KernelPolicy.FUSED_CPU);
                    Optimizer second = new ZeroSettings(whole, group).create(after, KernelPolicy.FUSED_CPU)) {
                steps(first, before, dtype, 0, STEPS / 2);
                after.forEach((name, parameter) -> parameter.materialize(Objects.requireNonNull(before.get(name))
                        .value()
                        .detach()
                        .clone()));
                second.restore(first.state());
                steps(second, after, dtype, STEPS / 2, STEPS);
                Map<String, byte[]> state = new HashMap<>();
                second.onFirst(() -> state.putAll(StateBytes.of(second.whole())));
                return new Result(bytes(values(after)), state);
            }
        }
    }

    @Test
    void aMatrixIsDividedInside() {
        List<StateSlices.Slice> slices =
                StateSlices.of(parameters(Dtype.FLOAT32), 3).slices();

        assertTrue(slices.stream().anyMatch(slice -> slice.from() > 0), slices.toString());
        assertTrue(slices.stream().allMatch(slice -> slice.from() % StateSlices.CUT == 0), slices.toString());
        assertEquals(
                SHAPES.values().stream().mapToLong(HostTensors::elements).sum(),
                slices.stream().mapToLong(StateSlices.Slice::length).sum());
    }

    @ParameterizedTest
    @CsvSource({"FLOAT32, FLOAT32, 3", "BFLOAT16, FLOAT32, 2", "BFLOAT16, BFLOAT16, 3", "FLOAT32, INT8, 3"})
    void slicesGiveTheBitsOfTheWhole(Dtype dtype, StateDtype states, int world) {
        AdamW.Settings whole = AdamW.Settings.defaults().withWeightDecay(0.1).with(states);
        Result expected = run(whole, dtype);

        List<Result> ranks = Ranks.run(world, group -> run(new ZeroSettings(whole, group), dtype));
        List<Result> resumed = Ranks.run(world, group -> resumed(whole, group, dtype));

        assertSame(expected.state(), ranks.getFirst().state());
        assertSame(expected.state(), resumed.getFirst().state());
        for (Result rank : ranks) {
            assertSame(expected.values(), rank.values());
        }
        for (Result rank : resumed) {
            assertSame(expected.values(), rank.values());
        }
    }
}
