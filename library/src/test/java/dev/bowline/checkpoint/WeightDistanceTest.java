package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The distance of a model from its checkpoint is nothing after a load and what was added after that, however the
/// tensors lie in the files.
class WeightDistanceTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gemma4/moe_tied",
                "gemma4/moe_untied",
                "gemma4/moe_tied_bf16",
                "gemma4/moe_legacy_keys",
                "gemma4/e2b_like",
                "families/qwen3moe/tied_old_config",
                "families/phi3/longrope_partial_tied"
            })
    void everyValueIsWhereItWasAndThenWhereItIsMovedTo(String variant) {
        Path directory = Golden.directory(
                variant.substring(0, variant.lastIndexOf('/')), variant.substring(variant.lastIndexOf('/') + 1));
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(directory, AutoModel.Options.asStored())) {
            var parameters = pretrained.model().parameters();

            var unmoved = WeightDistance.of(pretrained.checkpoint(), pretrained.model());
            // Half of it more is an exact product in every dtype but for one rounding.
            parameters.values().stream()
                    .filter(each -> each.requiresGrad())
                    .forEach(each -> each.value().detach().mul_(new Scalar(1.5)));
            var moved = WeightDistance.of(pretrained.checkpoint(), pretrained.model());

            assertEquals(parameters.keySet(), unmoved.keySet());
            parameters.forEach((name, parameter) -> {
                WeightDistance before = unmoved.getOrDefault(name, WeightDistance.NONE);
                WeightDistance after = moved.getOrDefault(name, WeightDistance.NONE);
                assertEquals(0, before.squaredChange(), name);
                assertTrue(before.squaredStored() > 0, name);
                assertEquals(parameter.requiresGrad() ? 0.5 : 0, after.relative(), 2e-3, name);
            });
        }
    }

    @Test
    void theSumsAreThoseOfTheElements() {
        Path directory = Golden.directory("gemma4", "moe_tied");
        float[] stored = Golden.read(directory.resolve("model.safetensors")).floats(DyingSave.EMBEDDING);
        double squares = 0;
        for (float each : stored) {
            squares += (double) each * each;
        }
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(directory)) {
            pretrained.model().inputEmbedding().tensor().detach().add_(new Scalar(0.25));

            WeightDistance distance = WeightDistance.of(pretrained.checkpoint(), pretrained.model())
                    .getOrDefault(DyingSave.EMBEDDING, WeightDistance.NONE);

            assertEquals(squares, distance.squaredStored(), 1e-5 * squares);
            assertEquals(stored.length * 0.0625, distance.squaredChange(), 1e-4 * stored.length);
            assertEquals(Math.sqrt(stored.length * 0.0625 / squares), distance.relative(), 1e-4);
        }
    }
}
