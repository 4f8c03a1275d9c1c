package dev.bowline.model.decoder;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Queries of Ministral 3 grow with their position from the pretraining's length on, and nothing else does what that
/// does: without it, transformers' logits are met before that length and missed after it.
class PositionScaleTest {

    private static final String FIXTURE = "mistral/ministral3";
    private static final int ORIGINAL = 16;
    private static final Golden REFERENCE = FamilyFixtures.reference(FIXTURE);

    @TempDir
    private Path directory = Path.of("");

    @Test
    void withTheScalingEveryPositionIsTheReferences() throws IOException {
        double beta = rotation().requireDouble("llama_4_scaling_beta");

        assertTrue(difference(beta, 0, ORIGINAL) < 1e-4);
        assertTrue(difference(beta, ORIGINAL, length()) < 1e-4);
    }

    @Test
    void withoutTheScalingOnlyThePositionsPastTheOriginalLengthDiffer() throws IOException {
        assertTrue(difference(0, 0, ORIGINAL) < 1e-4);
        double past = difference(0, ORIGINAL, length());
        assertTrue(past > 1e-3, "the scaling changes logits by " + past + " only");
    }

    /// The largest difference from transformers' logits, relative to the largest logit, of positions [from, to).
    private double difference(double beta, int from, int to) throws IOException {
        JsonObject config = FamilyFixtures.config(FIXTURE)
                .with("rope_parameters", rotation().with("llama_4_scaling_beta", beta));
        Files.writeString(directory.resolve("config.json"), Json.compact(config));
        Path weights = directory.resolve("model.safetensors");
        if (!Files.exists(weights)) {
            Files.copy(FamilyFixtures.directory(FIXTURE).resolve("model.safetensors"), weights);
        }
        long[] ids = REFERENCE.longs("unpadded.input_ids");
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(directory);
                NoGradGuard _ = new NoGradGuard()) {
            Tensor logits =
                    pretrained.model().logits(HostTensors.of(ids, 1, ids.length), Sequences.causal(1, ids.length));
            Tensor expected = REFERENCE.tensor("unpadded.logits");
            Tensor error = logits.sub(expected).abs().narrow(1, from, to - from);
            return error.max().item_double() / expected.abs().max().item_double();
        }
    }

    private static JsonObject rotation() {
        JsonObject rotation = FamilyFixtures.config(FIXTURE).requireObject("rope_parameters");
        assertTrue(rotation.requireInt("original_max_position_embeddings") == ORIGINAL, "the fixture changed");
        return rotation;
    }

    private static int length() {
        return REFERENCE.longs("unpadded.input_ids").length;
    }
}
