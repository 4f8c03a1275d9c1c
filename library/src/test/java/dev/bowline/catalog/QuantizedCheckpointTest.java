package dev.bowline.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.QuantizedLinears;
import dev.bowline.nn.Sequences;
import dev.bowline.quantization.Quantization;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A checkpoint that transformers quantised with bitsandbytes and saved has the weights of bitsandbytes bit for bit,
/// and
/// the logits of transformers with those weights.
class QuantizedCheckpointTest {

    @ParameterizedTest
    @CsvSource({"llama_nf4, NF4", "llama_nf4_nested, NF4", "llama_int8, INT8"})
    void theWeightsAreThoseOfBitsAndBytes(String fixture, Quantization format) {
        Path directory = Golden.directory("quantization", fixture);
        Golden golden = Golden.read(directory.resolve("golden.safetensors"));
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(
                        directory, AutoModel.Options.asStored().in(Dtype.FLOAT32))) {
            LanguageModel model = pretrained.model();
            assertEquals(14, QuantizedLinears.quantized(model).size());
            assertTrue(model.lmHead().get().quantization().isEmpty());
            model.parameters()
                    .values()
                    .forEach(parameter -> parameter.quantization().ifPresent(each -> assertEquals(format, each)));

            int compared = 0;
            for (String name : golden.names()) {
                if (name.startsWith("dequantized.")) {
                    String slot = name.substring("dequantized.".length());
                    // transformers keeps NF4 in the dtype of the model, bfloat16, and int8 in float32.
                    Dtype dtype = format == Quantization.NF4 ? Dtype.BFLOAT16 : Dtype.FLOAT32;
                    Tensor actual =
                            Objects.requireNonNull(model.parameters().get(slot)).dequantized(dtype);
                    assertTrue(Ops.cast(actual, Dtype.FLOAT32).equal(golden.tensor(name)), name);
                    compared++;
                }
            }
            assertEquals(2, compared);
        }
    }

    @ParameterizedTest
    @CsvSource({"llama_nf4, 0.05", "llama_nf4_nested, 0.05", "llama_int8, 2e-4"})
    void theLogitsAreThoseOfTransformers(String fixture, double bound) {
        Path directory = Golden.directory("quantization", fixture);
        Golden golden = Golden.read(directory.resolve("golden.safetensors"));
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(
                        directory, AutoModel.Options.forInference().in(Dtype.FLOAT32))) {
            Tensor ids = golden.tensor("ids");

            Tensor logits = pretrained.model().logits(ids, Sequences.causal(1, (int) ids.size(1)));

            assertEquals(0, logits.sub(golden.tensor("logits")).abs().max().item_double(), bound);
        }
    }

    @Test
    void storedWeightsAreNotQuantisedToAnotherFormat() {
        Path directory = Golden.directory("quantization", "llama_nf4");
        AutoModel.Options options = AutoModel.Options.asStored();

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> AutoModel.fromPretrained(directory, options.quantizing(Quantization.INT8)));
        assertTrue(refused.problem().contains("stored in nf4 and cannot be quantised to int8"), refused.problem());

        try (Pretrained same = AutoModel.fromPretrained(directory, options.quantizing(Quantization.NF4))) {
            assertEquals(14, QuantizedLinears.quantized(same.model()).size());
            assertEquals(
                    2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64) * 9 / 16,
                    same.report().quantizedBytes());
        }
    }
}
