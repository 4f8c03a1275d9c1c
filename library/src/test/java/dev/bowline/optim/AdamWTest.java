package dev.bowline.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.fixtures.Golden;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.gemma4.ReferenceModel;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Every value is stepped, counted and clipped once, through float32 masters where it is bfloat16, and
/// resumed bit for bit. That the steps are the reference's is a matter of parity, tested there.
class AdamWTest {

    private static final AdamW.Settings SETTINGS = new AdamW.Settings(0.9, 0.95, 1e-8, 5.0, Decayed.MATRICES);
    private static final double LEARNING_RATE = 2e-4;

    @Test
    void bfloat16WeightsFollowTheirFloat32Masters() {
        Golden reference = ReferenceModel.reference("moe_tied");
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load("moe_tied")) {
            model.cast(Dtype.BFLOAT16);
            try (AdamW optimizer = new AdamW(model.trainable(), SETTINGS)) {
                double first = lossAndGradients(model, reference);
                for (int i = 0; i < 5; i++) {
                    optimizer.step(LEARNING_RATE);
                    new Gradients(model.trainable()).clear();
                    lossAndGradients(model, reference);
                }
                double last = lossAndGradients(model, reference);

                assertTrue(last < first, "loss went from %s to %s".formatted(first, last));
                String name = model.inputEmbedding().path();
                Tensor master = Objects.requireNonNull(optimizer.state().get(name + ".master"));
                assertTrue(Ops.cast(master, Dtype.BFLOAT16)
                        .equal(model.inputEmbedding().tensor()));
            }
        }
    }

    @Test
    void aParameterOfSeveralBlocksIsUpdatedToItsEnd() {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(3)) {
            long width = AdamW.BLOCK_ELEMENTS / 2 + 7;
            Tensor values = Ops.cast(random.normal(1, 3, width), Dtype.BFLOAT16);
            Tensor gradient = Ops.cast(random.normal(1, 3, width), Dtype.BFLOAT16);
            Parameter wide = parameter(Ops.cast(values, Dtype.FLOAT32), Ops.cast(gradient, Dtype.FLOAT32));
            Parameter narrow = parameter(values, gradient);
            try (AdamW exact = new AdamW(Map.of("w", wide), SETTINGS);
                    AdamW throughMaster = new AdamW(Map.of("w", narrow), SETTINGS)) {
                exact.step(LEARNING_RATE);
                throughMaster.step(LEARNING_RATE);

                Tensor master = Objects.requireNonNull(throughMaster.state().get("w.master"));
                assertEquals(0, master.sub(wide.value()).abs().max().item_double(), 1e-6);
                assertTrue(Ops.cast(master, Dtype.BFLOAT16).equal(narrow.value()));
            }
        }
    }

    /// Around 1 the values of bfloat16 are 1/256 or more apart, and each step is a tenth of that or less.
    @Test
    void stepsTooSmallForBfloat16AddUpInTheMaster() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor ones = Ops.full(Device.CPU, Dtype.BFLOAT16, 1, 4);
            Parameter narrow = parameter(ones, ones);
            Parameter wide = parameter(Ops.cast(ones, Dtype.FLOAT32), Ops.cast(ones, Dtype.FLOAT32));
            try (AdamW throughMaster = new AdamW(Map.of("w", narrow), SETTINGS);
                    AdamW exact = new AdamW(Map.of("w", wide), SETTINGS)) {
                for (int i = 0; i < 100; i++) {
                    throughMaster.step(LEARNING_RATE);
                    exact.step(LEARNING_RATE);
                }

                assertTrue(wide.value().max().item_double() < 0.99);
                assertTrue(Ops.cast(wide.value().detach(), Dtype.BFLOAT16).equal(narrow.value()));
            }
        }
    }

    private static Parameter parameter(Tensor values, Tensor gradient) {
        Parameter parameter = new Parameter(SlotRole.BASE, Shapes.of(values));
        parameter.materialize(values);
        parameter.gradientBuffer().copy_(gradient);
        return parameter;
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT32", "BFLOAT16"})
    void theNormIsThatOfEveryBlock(Dtype dtype) {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(4)) {
            // Each third is larger than the one before, so that none can be left out or stand for another.
            long third = Gradients.NORM_ELEMENTS * 5 / 6 + 3;
            Tensor gradient = Ops.cat(
                    1,
                    random.normal(1, 1, third),
                    Ops.times(random.normal(1, 1, third), 2),
                    Ops.times(random.normal(1, 1, third), 4));
            Tensor stored = Ops.cast(gradient, dtype);
            double expected =
                    Math.sqrt(Ops.cast(stored, Dtype.FLOAT64).square().sum().item_double());
            Gradients gradients = new Gradients(Map.of("w", parameter(stored, stored)));

            assertEquals(expected, gradients.norm(), 1e-5 * expected);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void aTiedValueIsCountedOnceInTheNorm(String variant) {
        Golden reference = ReferenceModel.reference(variant);
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load(variant);
                AdamW optimizer = new AdamW(model.trainable(), SETTINGS)) {
            lossAndGradients(model, reference);
            double squares = 0;
            for (String name : reference.names()) {
                if (name.startsWith("grad.")) {
                    squares += Math.pow(reference.tensor(name).norm().item_double(), 2);
                }
            }
            Gradients gradients = new Gradients(model.trainable());
            double norm = gradients.norm();

            assertEquals(Math.sqrt(squares), norm, 1e-3 * norm);

            gradients.clip(norm, 1.0);

            assertEquals(1.0, gradients.norm(), 1e-4);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void oneTensorUnderTwoNamesIsRefused(String variant) {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load(variant)) {
            Parameter embedding = model.inputEmbedding().get();

            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> new AdamW(Map.of("embedding", embedding, "lm_head", embedding), SETTINGS));

            assertTrue(refused.problem().contains("lm_head"), refused.problem());
        }
    }

    @Test
    void restoredStateContinuesBitForBit() {
        Golden reference = ReferenceModel.reference("moe_tied");
        try (TensorScope _ = TensorScope.open();
                LanguageModel straight = ReferenceModel.load("moe_tied");
                LanguageModel resumed = ReferenceModel.load("moe_tied");
                AdamW first = new AdamW(straight.trainable(), SETTINGS);
                AdamW second = new AdamW(resumed.trainable(), SETTINGS)) {
            train(straight, first, reference, 2);
            straight.parameters()
                    .forEach((name, parameter) -> Objects.requireNonNull(
                                    resumed.parameters().get(name))
                            .materialize(parameter.value().detach().clone()));
            second.restore(first.state());

            train(straight, first, reference, 2);
            train(resumed, second, reference, 2);

            straight.parameters()
                    .forEach((name, parameter) -> assertTrue(parameter.value().equal(value(resumed, name)), name));
        }
    }

    @Test
    void aTrainingLoopLeavesNoNativeHandles() {
        Golden reference = ReferenceModel.reference("moe_tied");
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load("moe_tied");
                AdamW optimizer = new AdamW(model.trainable(), SETTINGS)) {
            train(model, optimizer, reference, 2);
            long before = Pointer.totalCount();

            train(model, optimizer, reference, 10);

            assertTrue(Pointer.totalCount() <= before, before + " handles became " + Pointer.totalCount());
        }
    }

    /// Without a gradient's help: both moments are zero, so only the decay moves anything.
    @ParameterizedTest
    @EnumSource
    void matricesDecayAndNormsOnlyWhenAsked(Decayed decayed) {
        try (TensorScope _ = TensorScope.open()) {
            Parameter matrix = ones(4, 3);
            Parameter norm = ones(3);
            AdamW.Settings settings = new AdamW.Settings(0.9, 0.95, 1e-8, 0.5, decayed);
            try (AdamW optimizer = new AdamW(Map.of("matrix", matrix, "norm", norm), settings)) {
                matrix.gradientBuffer();
                norm.gradientBuffer();

                optimizer.step(0.1);

                assertEquals(1 - 0.1 * 0.5, matrix.value().mean().item_double(), 1e-6);
                double expected = decayed == Decayed.EVERYTHING ? 1 - 0.1 * 0.5 : 1;
                assertEquals(expected, norm.value().mean().item_double(), 1e-6);
            }
        }
    }

    private static Parameter ones(long... shape) {
        Parameter parameter = new Parameter(SlotRole.BASE, shape);
        parameter.materialize(Ops.full(Device.CPU, Dtype.FLOAT32, 1, shape));
        return parameter;
    }

    private static Tensor value(LanguageModel model, String name) {
        return Objects.requireNonNull(model.parameters().get(name)).value();
    }

    private static void train(LanguageModel model, AdamW optimizer, Golden reference, int steps) {
        for (int i = 0; i < steps; i++) {
            lossAndGradients(model, reference);
            Gradients gradients = new Gradients(model.trainable());
            gradients.clip(gradients.norm(), 1.0);
            optimizer.step(LEARNING_RATE);
            gradients.clear();
        }
    }

    private static double lossAndGradients(LanguageModel model, Golden reference) {
        try (TensorScope _ = TensorScope.open()) {
            int rows = (int) reference.shape("input_ids")[0];
            int length = (int) reference.shape("input_ids")[1];
            long[] ids = reference.longs("input_ids");
            long[] mask = reference.longs("attention_mask");
            long[] labels = new long[ids.length];
            for (int i = 0; i < ids.length; i++) {
                boolean target = i % length + 1 < length && mask[i + 1] != 0;
                labels[i] = target ? ids[i + 1] : Targets.IGNORED;
            }
            Targets targets = Targets.of(labels);
            Tensor hidden = model.hiddenStates(
                    HostTensors.of(ids, rows, length), Sequences.padded(mask, rows, length), Optional.empty());
            return new ChunkedCrossEntropy(7)
                    .backward(LossInput.of(hidden, model.head(), targets), 1.0 / targets.count());
        }
    }
}
