package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.fixtures.LazyDevice;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.StateDtype;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A save from another device writes the bytes that a save from the CPU writes, and an optimizer on that device
/// takes the same steps.
class OtherDeviceSaveTest {

    private static final double LEARNING_RATE = 1e-2;

    @TempDir
    private Path temporary;

    private static Pretrained open(Path directory, Device device) {
        return AutoModel.fromPretrained(
                directory, AutoModel.Options.asStored().in(Dtype.FLOAT32).on(device));
    }

    /// Files have the experts of this family one by one, the model has them as one tensor.
    @Test
    void aModelWithoutASourceIsSavedWithTheSameBytes() throws IOException {
        try (TensorScope _ = TensorScope.open()) {
            Path fixture = Golden.directory("families/qwen3moe", "normalised");
            Path here = saved(fixture, Device.CPU);
            Path there = saved(fixture, LazyDevice.DEVICE);

            assertEquals(-1, Files.mismatch(here, there));
        }
    }

    private Path saved(Path fixture, Device device) {
        Path directory = temporary.resolve(device.type());
        try (Pretrained opened = open(fixture, device)) {
            CheckpointSaver.save(opened.model(), directory, SaveOptions.withoutSource());
        }
        return directory.resolve("model.safetensors");
    }

    @ParameterizedTest
    @EnumSource(StateDtype.class)
    void stateOfAnOptimizerIsThatOfTheCpuAndComesBack(StateDtype stateDtype) {
        AdamW.Settings settings = new AdamW.Settings(0.9, 0.95, 1e-8, 0.01, Decayed.MATRICES).with(stateDtype);
        Path fixture = Golden.directory("gemma4", "moe_tied");
        try (TensorScope _ = TensorScope.open();
                Pretrained here = open(fixture, Device.CPU);
                Pretrained there = open(fixture, LazyDevice.DEVICE);
                AdamW own = settings.create(here.model().trainable(), KernelPolicy.LIBTORCH);
                AdamW optimizer =
                        settings.create(there.model().trainable(), there.model().kernels());
                AdamW resumed =
                        settings.create(there.model().trainable(), there.model().kernels())) {
            step(here.model(), own);
            step(there.model(), optimizer);
            TrainingState state = new TrainingState(new LinkedHashMap<>(optimizer.state()), JsonObject.of());
            Path saved = TrainingCheckpoints.in(temporary.resolve("run"), 1)
                    .save(1, there.model(), SaveOptions.like(there.checkpoint()), state, OptionalDouble.empty())
                    .directory();

            try (TrainingCheckpoint opened = TrainingCheckpoint.open(saved)) {
                resumed.restore(opened.state(there.model()).tensors());
            }

            same(own.state(), resumed.state());
        }
    }

    private static void step(LanguageModel model, AdamW optimizer) {
        try (NoGradGuard _ = new NoGradGuard()) {
            for (Parameter parameter : model.trainable().values()) {
                parameter.gradientBuffer().add_(parameter.value().mul(new Scalar(0.5)));
            }
        }
        optimizer.step(LEARNING_RATE);
    }

    private static void same(Map<String, Tensor> expected, Map<String, Tensor> actual) {
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, tensor) -> {
            Tensor copy = Device.CPU.place(Objects.requireNonNull(actual.get(name)));
            assertTrue(tensor.equal(copy), name);
        });
    }
}
