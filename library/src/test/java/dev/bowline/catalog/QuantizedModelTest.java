package dev.bowline.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.adapter.Adapter;
import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.checkpoint.CheckpointSaver;
import dev.bowline.checkpoint.LoadReport;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.QuantizedLinears;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Sequences;
import dev.bowline.nn.Slot;
import dev.bowline.quantization.Quantization;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// A model whose linears are quantised at the load computes as the model with the dequantised weights, and so does an
/// adapter on it: dense layers, fused projections, stacked experts, experts that are stored apart.
class QuantizedModelTest {

    private static final Path LLAMA = Golden.directory("families/llama", "tied");
    private static final LoraConfig ALL_LINEAR = LoraConfig.of(4, 8, new ModulePatterns.AllLinear());

    @ParameterizedTest
    @CsvSource({
        "families/llama/tied, NF4, FUSED_CPU",
        "gemma4/moe_tied, NF4, FUSED_CPU",
        "gemma4/moe_tied, NF4, LIBTORCH",
        "gemma4/moe_tied, INT8, FUSED_CPU",
        "families/qwen3moe/normalised, NF4, FUSED_CPU",
        "families/phi3/longrope_within, INT8, LIBTORCH",
    })
    void logitsAndGradientsOfAnAdapterAreThoseOfTheDequantisedModel(
            String fixture, Quantization format, KernelPolicy kernels) {
        Path checkpoint = Golden.directory("", fixture);
        AutoModel.Options options = AutoModel.Options.asStored().in(Dtype.FLOAT32);
        try (TensorScope _ = TensorScope.open();
                Pretrained quantized = AutoModel.fromPretrained(checkpoint, options.quantizing(format));
                Pretrained dense = AutoModel.fromPretrained(checkpoint, options)) {
            double before = difference(logits(dense.model()), logits(quantized.model()));
            dequantize(quantized.model(), dense.model());
            quantized.model().useKernels(kernels);
            dense.model().useKernels(kernels);

            assertTrue(before > 1e-3, "the quantisation changed nothing");
            assertEquals(0, difference(logits(dense.model()), logits(quantized.model())), 1e-3);

            Adapter adapter = filled(quantized.model());
            Adapter expected = filled(dense.model());
            loss(quantized.model()).backward();
            loss(dense.model()).backward();
            adapter.slots().forEach((name, slot) -> {
                Tensor wanted = gradient(slot(expected.slots(), name));
                double scale = wanted.abs().max().item_double();
                assertEquals(0, difference(wanted, gradient(slot)), 1e-3 * Math.max(scale, 1e-3), name);
            });
            assertTrue(adapter.slots().size() > 4);
        }
    }

    /// Gives a dense model the values of a quantised one.
    private static void dequantize(LanguageModel quantized, LanguageModel dense) {
        quantized.parameters().forEach((name, parameter) -> {
            if (parameter.quantization().isPresent()) {
                slot(dense.slots(), name).get().materialize(parameter.dequantized(Dtype.FLOAT32));
            }
        });
    }

    private static Adapter filled(LanguageModel model) {
        Adapter adapter = Adapters.of(model).create("only", ALL_LINEAR, 1);
        try (RandomSource random = RandomSource.seeded(3)) {
            adapter.slots().values().forEach(slot -> slot.get().materialize(random.normal(0.3, slot.shape())));
        }
        return adapter;
    }

    @Test
    void anAdapterOnAQuantisedBaseLearns() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(
                        LLAMA, AutoModel.Options.asStored().in(Dtype.FLOAT32).quantizing(Quantization.NF4))) {
            LanguageModel model = pretrained.model();
            Adapters.of(model).create("only", ALL_LINEAR, 1);
            long quantizedBytes = bytes(model);
            double first = loss(model).item_double();

            for (int step = 0; step < 12; step++) {
                loss(model).backward();
                try (NoGradGuard _ = new NoGradGuard()) {
                    model.trainable().values().forEach(parameter -> {
                        parameter.value().sub_(parameter.gradient().orElseThrow(), new Scalar(0.3));
                        parameter.clearGradient();
                    });
                }
            }

            double last = loss(model).item_double();
            assertTrue(last < 0.9 * first, "%s after %s".formatted(last, first));
            assertEquals(quantizedBytes, bytes(model));
        }
    }

    private static long bytes(LanguageModel model) {
        return model.parameters().values().stream()
                .mapToLong(Parameter::quantizedBytes)
                .sum();
    }

    @ParameterizedTest
    @EnumSource(Quantization.class)
    void headEmbeddingsNormsAndRoutersStayAsStored(Quantization format) {
        Path checkpoint = Golden.directory("", "gemma4/moe_tied");
        try (Pretrained pretrained = AutoModel.fromPretrained(
                checkpoint, AutoModel.Options.asStored().quantizing(format))) {
            LanguageModel model = pretrained.model();
            Set<String> quantized = Set.copyOf(QuantizedLinears.quantized(model));
            Set<String> kept = model.parameters().keySet().stream()
                    .filter(name -> !quantized.contains(name))
                    .map(name -> name.replaceAll("layers\\.\\d+\\.", ""))
                    .collect(Collectors.toSet());

            assertTrue(
                    kept.stream()
                            .allMatch(name -> name.contains("norm")
                                    || name.contains("embed_tokens")
                                    || name.contains("router")
                                    || name.contains("layer_scalar")),
                    kept::toString);
            assertTrue(quantized.stream().anyMatch(name -> name.endsWith("experts.down_proj")));
            assertTrue(model.lmHead().isTied());
            TiedWeights.ensureTiedLmHead(model);
            LoadReport report = pretrained.report();
            report.filled()
                    .forEach(filled -> assertEquals(
                            quantized.contains(filled.slot()),
                            filled.placement() == LoadReport.Placement.QUANTIZED,
                            filled.slot()));
            assertEquals(bytes(model), report.quantizedBytes());
            assertTrue(model.trainable().keySet().stream().noneMatch(quantized::contains));
        }
    }

    @Test
    void aQuantisedModelIsNotSaved(@TempDir Path directory) {
        try (Pretrained pretrained =
                AutoModel.fromPretrained(LLAMA, AutoModel.Options.asStored().quantizing(Quantization.INT8))) {
            Path target = directory.resolve("saved");

            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> CheckpointSaver.save(pretrained.model(), target, SaveOptions.like(pretrained.checkpoint())));

            assertTrue(refused.problem().contains("q_proj.weight' is quantised"), refused.problem());
            assertFalse(Files.exists(target));
        }
    }

    @Test
    void aClosedModelLeavesNoNativeHandle() {
        load();
        long before = Pointer.totalCount();

        load();

        assertTrue(Pointer.totalCount() <= before, "%d left".formatted(Pointer.totalCount() - before));
    }

    private static void load() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(
                        LLAMA, AutoModel.Options.forInference().quantizing(Quantization.NF4))) {
            logits(pretrained.model());
        }
    }

    private static Tensor ids() {
        return HostTensors.of(new long[] {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8}, 1, 12);
    }

    private static Tensor logits(LanguageModel model) {
        return model.logits(ids(), Sequences.causal(1, 12));
    }

    /// The mean cross-entropy of each next token.
    private static Tensor loss(LanguageModel model) {
        Tensor logits = Ops.cast(logits(model).squeeze(0).narrow(0, 0, 11), Dtype.FLOAT32);
        return torch.nll_loss(torch.log_softmax(logits, 1), ids().squeeze(0).narrow(0, 1, 11));
    }

    private static Slot slot(Map<String, Slot> slots, String name) {
        return Objects.requireNonNull(slots.get(name), name);
    }

    private static Tensor gradient(Slot slot) {
        return slot.get().gradient().orElseThrow();
    }

    private static double difference(Tensor expected, Tensor actual) {
        return expected.sub(actual).abs().max().item_double();
    }
}
