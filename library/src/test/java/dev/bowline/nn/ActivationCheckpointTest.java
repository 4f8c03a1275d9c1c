package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/// A checkpointed segment has the outputs and the gradients of the segment, bit for bit, and keeps its inputs
/// only.
class ActivationCheckpointTest {

    private static final int TOKENS = 16;

    private static final ActivationCheckpoint.Segment PLAIN = inputs -> {
        // Two inputs of different shapes, two outputs of different shapes.
        Tensor a = inputs.get(0);
        Tensor b = inputs.get(1);
        Tensor product = a.mul(b).tanh();
        return List.of(product.mul(product.exp()), product.sum(0L));
    };

    private final RandomSource random = RandomSource.seeded(7);

    private record Result(Tensor loss, Tensor da, Tensor db) {}

    private Tensor leaf(long... shape) {
        return random.normal(1, shape).set_requires_grad(true);
    }

    /// d/d(a, b) of three segments. The second output of the first is an input of both others, as shared keys
    /// are.
    private static Result chain(
            Tensor a, Tensor b, BiFunction<ActivationCheckpoint.Segment, List<Tensor>, List<Tensor>> run) {
        Tensor x = a.detach().set_requires_grad(true);
        Tensor y = b.detach().set_requires_grad(true);
        List<Tensor> first = run.apply(PLAIN, List.of(x, y));
        List<Tensor> second = run.apply(PLAIN, List.of(first.get(0), first.get(1)));
        List<Tensor> third = run.apply(PLAIN, List.of(second.get(0), first.get(1)));
        Tensor loss =
                third.get(0).sum().add(third.get(1).sum()).add(second.get(1).sum());
        loss.backward();
        return new Result(loss, new Tensor(x.grad()), new Tensor(y.grad()));
    }

    @Test
    void outputsAndGradientsOfSeveralInputsAreTheSameBitForBit() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor a = leaf(5, 3);
            Tensor b = leaf(3);

            Result plain = chain(a, b, ActivationCheckpoint.Segment::run);
            Result checkpointed = chain(a, b, ActivationCheckpoint::run);

            assertTrue(plain.loss().equal(checkpointed.loss()));
            assertTrue(plain.da().equal(checkpointed.da()), "dL/da");
            assertTrue(plain.db().equal(checkpointed.db()), "dL/db");
        }
    }

    @Test
    void parametersGetTheirGradientsThoughNoInputRequiresOne() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor x = random.normal(1, 4, 3);
            Tensor w = leaf(3);

            ActivationCheckpoint.run(inputs -> List.of(inputs.getFirst().mul(w).exp()), List.of(x))
                    .getFirst()
                    .sum()
                    .backward();
            Tensor expected = x.mul(w.detach()).exp().mul(x).sum(0L);

            assertTrue(w.grad().allclose(expected), () -> "dL/dw " + w.grad());
        }
    }

    @Test
    void intermediatesDoNotSurviveTheForwardPass() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor x = leaf(4, 3);
            Tensor y;
            try (TensorScope scope = TensorScope.open()) {
                y = x;
                for (int i = 0; i < 10; i++) {
                    y = ActivationCheckpoint.run(inputs -> List.of(deep(inputs.getFirst())), List.of(y))
                            .getFirst();
                }
                scope.escape(y);
            }

            assertEquals(10 * 4 * 3 * Dtype.FLOAT32.bytes(), SavedBytes.of(y));
            y.sum().backward();
            assertEquals(0, SavedBytes.of(y));
        }
    }

    @Test
    void aModelKeepsTheInputsOfItsLayers() {
        Path directory = Golden.directory("families/llama", "tied");
        try (Pretrained pretrained = AutoModel.fromPretrained(
                        directory, AutoModel.Options.asStored().in(Dtype.FLOAT32));
                TensorScope _ = TensorScope.open()) {
            LanguageModel model = pretrained.model();
            long all = savedByForward(model);
            model.useActivationCheckpointing(ActivationCheckpointing.PER_LAYER);
            long checkpointed = savedByForward(model);

            long layers = model.decoder().config().layers().size();
            long width = model.inputEmbedding().shape()[1];
            // The last norm keeps its input and a number per token, and the embedding keeps the ids.
            long inputs = (layers + 1) * TOKENS * width * Dtype.FLOAT32.bytes();
            assertEquals(inputs + TOKENS * (Dtype.FLOAT32.bytes() + Dtype.INT64.bytes()), checkpointed);
            assertTrue(all > 2 * checkpointed, () -> all + " and " + checkpointed);
        }
    }

    private static long savedByForward(LanguageModel model) {
        try (TensorScope _ = TensorScope.open()) {
            return SavedBytes.of(model.hiddenStates(
                    HostTensors.of(new long[TOKENS], 1, TOKENS), Sequences.causal(1, TOKENS), Optional.empty()));
        }
    }

    /// A segment that itself has functions with saved tensors.
    private static Tensor deep(Tensor x) {
        Tensor y;
        try (NoGradGuard _ = new NoGradGuard()) {
            y = x.mul(new Scalar(3.0));
        }
        return AutogradFunction.attach(x, y, (_, dy) -> dy.mul(new Scalar(3.0)), x);
    }

    @Test
    void noHandleStaysAfterManyPasses() {
        List<Long> handles = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            try (TensorScope _ = TensorScope.open()) {
                Tensor a = leaf(5, 3);
                Tensor b = leaf(3);
                chain(a, b, ActivationCheckpoint::run);
            }
            handles.add(Pointer.totalCount());
        }

        // The collector may free handles of earlier tests in the meantime.
        assertTrue(handles.get(3) <= handles.get(1), handles::toString);
    }

    @Test
    void aFailureInTheSecondRunEndsTheBackwardPass() {
        int[] runs = {0};
        try (TensorScope _ = TensorScope.open()) {
            Tensor x = leaf(2);
            // The first function makes the hook that all functions share.
            deep(leaf(2));
            long before = Pointer.totalCount();
            try (TensorScope _ = TensorScope.open()) {
                Tensor y = ActivationCheckpoint.run(
                                inputs -> {
                                    if (++runs[0] == 2) {
                                        throw new IllegalStateException("no second run");
                                    }
                                    return List.of(deep(inputs.getFirst()));
                                },
                                List.of(x))
                        .getFirst();
                assertThrows(RuntimeException.class, () -> y.sum().backward());
            }

            // The collector may free handles of earlier tests in the meantime.
            long after = Pointer.totalCount();
            assertTrue(after <= before, () -> before + " handles became " + after);
        }
    }

    @Test
    void withoutGradientsTheSegmentRunsOnce() {
        int[] runs = {0};
        try (TensorScope _ = TensorScope.open();
                NoGradGuard _ = new NoGradGuard()) {
            ActivationCheckpoint.run(
                    inputs -> {
                        assertTrue(!GradMode.is_enabled());
                        runs[0]++;
                        return inputs;
                    },
                    List.of(leaf(2)));

            assertEquals(1, runs[0]);
            assertEquals(2, Ops.zeros(Device.CPU, Dtype.FLOAT32, 2).numel());
        }
    }
}
