package dev.bowline.model.gemma4;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Gemma 4 computes what transformers computes: logits, loss and every gradient, on models whose every tensor is
/// random.
class ParityTest {

    private static final double LOGITS = 1e-4;
    private static final double GRADIENTS = 1e-3;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "moe_tied",
                "moe_untied",
                "dense_kv",
                "dense_kv_legacy_config",
                "e2b_like",
                "e4b_like",
                "flag_top_true_text_false",
                "flag_top_false_text_true",
                "text_only",
                "text_only_untied",
                "attention_bias",
                "with_towers",
                "moe_unaligned"
            })
    void logitsLossAndGradientsEqualTheReference(String variant) {
        Path directory = Golden.directory("gemma4", variant);
        Golden reference = Golden.read(directory.resolve("reference.safetensors"));
        try (TensorScope _ = TensorScope.open();
                Gemma4Model model = load(directory)) {
            int rows = (int) reference.shape("input_ids")[0];
            int length = (int) reference.shape("input_ids")[1];
            long[] ids = reference.longs("input_ids");
            long[] mask = reference.longs("attention_mask");

            Tensor logits = model.logits(Memory.of(ids, rows, length), Sequences.padded(mask, rows, length));
            Tensor loss = loss(logits, ids, mask);
            loss.backward();

            Tensor expected = reference.tensor("logits");
            double largest = expected.abs().max().item_double();
            double logitError = logits.sub(expected).abs().max().item_double() / largest;
            assertTrue(logitError < LOGITS, variant + ": logits differ by " + logitError);
            assertEquals(reference.floats("loss")[0], loss.item_float(), LOGITS * largest);
            for (var entry : model.trained().entrySet()) {
                Tensor gradient = entry.getValue().gradient().orElseThrow();
                Tensor expectedGradient = reference.tensor("grad." + entry.getKey());
                double error = gradient.sub(expectedGradient).norm().item_double()
                        / expectedGradient.norm().item_double();
                assertTrue(error < GRADIENTS, variant + ": gradient of " + entry.getKey() + " differs by " + error);
            }
        }
    }

    static Gemma4Model load(Path directory) {
        JsonObject config = Json.parse(directory.resolve("config.json")).asObject();
        Gemma4Architecture architecture =
                config.has("text_config") ? Gemma4Architecture.CONDITIONAL_GENERATION : Gemma4Architecture.CAUSAL_LM;
        Gemma4Model model = architecture.build(config);
        Golden weights = Golden.read(directory.resolve("model.safetensors"));
        model.parameters().forEach((name, parameter) -> parameter.fill(weights.tensor(name)));
        return model;
    }

    /// The mean cross-entropy of each position's next token, over the positions whose next token is not padding.
    private static Tensor loss(Tensor logits, long[] ids, long[] mask) {
        long rows = logits.size(0);
        long length = logits.size(1);
        long[] labels = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            labels[i] = mask[i] == 0 ? -100 : ids[i];
        }
        Tensor shifted = logits.narrow(1, 0, length - 1).reshape(rows * (length - 1), logits.size(2));
        Tensor targets =
                Memory.of(labels, rows, length).narrow(1, 1, length - 1).reshape(-1);
        return torch.cross_entropy_loss(Ops.cast(shifted, Dtype.FLOAT32), targets);
    }
}
