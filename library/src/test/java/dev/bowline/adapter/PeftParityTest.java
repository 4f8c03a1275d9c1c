package dev.bowline.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterFixtures;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Sequences;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// An adapter that PEFT 0.21 wrote has PEFT's logits, loss and gradients, and only its own values are trained.
///
/// The expected values were computed by PEFT (tools/make_adapter_fixtures.py), with large random values in A,
/// B and the magnitudes.
class PeftParityTest {

    /// Both programs compute in float32 in other orders; 4e-4 was measured, where a gradient is a small
    /// difference of large numbers. An adapter that is ignored in one module is off by more than 1e-2.
    private static final double BOUND = 1e-3;

    static Stream<Arguments> adapters() {
        return Stream.of(
                        "llama_linear",
                        "llama_rslora",
                        "llama_bf16",
                        "llama_dora",
                        "llama_untied_patterns",
                        "llama_untied_layers",
                        "qwen3_dora_rslora",
                        "phi3_fused",
                        "gemma4_experts",
                        "gemma4_router",
                        "qwen3moe_experts",
                        "qwen3moe_all_linear",
                        "qwen3moe_gate_up")
                .flatMap(PeftParityTest::runs);
    }

    private static Stream<Arguments> runs(String name) {
        return Stream.of(
                Arguments.of(name, KernelPolicy.FUSED_CPU, ActivationCheckpointing.PER_LAYER),
                Arguments.of(name, KernelPolicy.FUSED_CPU, ActivationCheckpointing.OFF),
                Arguments.of(name, KernelPolicy.LIBTORCH, ActivationCheckpointing.PER_LAYER));
    }

    @ParameterizedTest
    @MethodSource("adapters")
    void logitsLossAndGradientsArePefts(String name, KernelPolicy kernels, ActivationCheckpointing checkpointing) {
        Path directory = AdapterFixtures.directory(name);
        Path base = AdapterFixtures.base(name);
        try (TensorScope _ = TensorScope.open();
                SafetensorsFile golden = SafetensorsFile.open(directory.resolve("peft_reference.safetensors"));
                Pretrained pretrained = AutoModel.fromPretrained(base)) {
            LanguageModel model = pretrained.model();
            model.useKernels(kernels);
            model.useActivationCheckpointing(checkpointing);
            Adapter adapter = attach(model, directory);

            Outcome outcome = Outcome.of(model, adapter, golden);

            outcome.requireEqual(golden);
        }
    }

    private static Adapter attach(LanguageModel model, Path directory) {
        try (AdapterFiles files = AdapterFiles.open(directory)) {
            Adapter adapter = Adapters.of(model).attach("peft", files);
            Adapters.of(model).train("peft");
            return adapter;
        }
    }

    /// @param gradients by PEFT's names
    private record Outcome(Tensor logits, double loss, Map<String, Tensor> gradients) {

        static Outcome of(LanguageModel model, Adapter adapter, SafetensorsFile golden) {
            long rows = golden.entry("input_ids").shape().getFirst();
            long length = golden.entry("input_ids").shape().getLast();
            long[] ids = golden.bytes("input_ids").toArray(ValueLayout.JAVA_LONG_UNALIGNED);
            Tensor hidden = model.hiddenStates(
                    HostTensors.of(ids, rows, length), Sequences.causal((int) rows, (int) length), Optional.empty());
            Tensor logits = model.head().logits(hidden.detach()).detach();
            long[] labels = shifted(ids, (int) length);
            double weight = 1.0 / (rows * (length - 1));
            double loss =
                    new ChunkedCrossEntropy(7).backward(LossInput.of(hidden, model.head(), Targets.of(labels)), weight);
            return new Outcome(logits, loss, gradients(adapter, model));
        }

        private static long[] shifted(long[] ids, int length) {
            long[] labels = new long[ids.length];
            for (int i = 0; i < ids.length; i++) {
                labels[i] = (i + 1) % length == 0 ? Targets.IGNORED : ids[i + 1];
            }
            return labels;
        }

        private static Map<String, Tensor> gradients(Adapter adapter, LanguageModel model) {
            Map<String, Long> experts = adapter.modules().stream()
                    .filter(ExpertPairs.class::isInstance)
                    .collect(Collectors.toMap(AdaptedModule::module, module -> ((ExpertPairs) module).experts()));
            Map<String, Tensor> gradients = new LinkedHashMap<>();
            model.trainable().forEach((name, parameter) -> {
                Tensor gradient = parameter.gradientBuffer();
                gradients.put(name, experts.isEmpty() || gradient.dim() == 2 ? gradient : inFile(name, gradient));
            });
            return gradients;
        }

        /// A [E, R, in] to [E R, in], and B [E, out, R] to [out, R E].
        private static Tensor inFile(String name, Tensor gradient) {
            return name.endsWith("lora_A.weight")
                    ? gradient.reshape(-1, gradient.size(2))
                    : gradient.permute(1, 2, 0).reshape(gradient.size(1), -1);
        }

        void requireEqual(SafetensorsFile golden) {
            Map<String, Tensor> expected = new LinkedHashMap<>();
            golden.entries().keySet().stream()
                    .filter(key -> key.startsWith("grad."))
                    .forEach(key -> expected.put(
                            key.substring("grad.base_model.model.".length())
                                    .replace("lora_magnitude_vector.weight", "lora_magnitude_vector"),
                            tensor(golden, key)));
            assertEquals(
                    expected.keySet().stream().sorted().toList(),
                    gradients.keySet().stream().sorted().toList());
            requireNear("logits", tensor(golden, "logits"), logits);
            assertEquals(tensor(golden, "loss").item_double(), loss, BOUND);
            expected.forEach(
                    (name, gradient) -> requireNear(name, gradient, Objects.requireNonNull(gradients.get(name))));
        }

        private static void requireNear(String name, Tensor expected, Tensor actual) {
            assertEquals(expected.numel(), actual.numel(), name);
            double distance = Ops.cast(actual, Dtype.FLOAT32)
                            .view_as(expected)
                            .sub(expected)
                            .norm()
                            .item_double()
                    / expected.norm().item_double();
            assertTrue(distance <= BOUND, () -> "%s is off by %s".formatted(name, distance));
        }

        private static Tensor tensor(SafetensorsFile file, String key) {
            long[] shape =
                    file.entry(key).shape().stream().mapToLong(Long::longValue).toArray();
            return HostTensors.copyOf(file.bytes(key), Dtype.FLOAT32, shape);
        }
    }
}
