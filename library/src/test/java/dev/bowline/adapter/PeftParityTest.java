package dev.bowline.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterFixtures;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.io.TempDir;
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

    /// The factor of B, as in the script.
    private static final double SMALLER = 0.1;

    /// The largest accepted ratio of the mean distance from results in float32 to PEFT's mean distance. Both round at
    /// different places; ratios from 0.8 to 1.5 were measured.
    private static final double BFLOAT16_RATIO = 2;

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

            PeftOutcome outcome = PeftOutcome.of(model, adapter, golden);

            outcome.distances(golden)
                    .forEach((tensor, distance) ->
                            assertTrue(distance <= BOUND, () -> "%s is off by %s".formatted(tensor, distance)));
        }
    }

    @ParameterizedTest
    @MethodSource("onBfloat16")
    void onABaseOfBfloat16TheResultsAreAsNearAsPefts(String name, KernelPolicy kernels, @TempDir Path copy)
            throws IOException {
        Path directory = AdapterFixtures.directory(name);
        Path base = withAllExperts(AdapterFixtures.base(name), copy);
        JsonObject ofPeft = Json.parse(directory.resolve("bfloat16.json")).asObject();
        try (TensorScope _ = TensorScope.open();
                SafetensorsFile input = SafetensorsFile.open(directory.resolve("peft_reference.safetensors"));
                SafetensorsFile golden = SafetensorsFile.open(directory.resolve("bfloat16.safetensors"));
                Pretrained pretrained = AutoModel.fromPretrained(
                        base, AutoModel.Options.asStored().in(Dtype.BFLOAT16))) {
            LanguageModel model = pretrained.model();
            model.useKernels(kernels);
            Adapter adapter = attach(model, directory);

            adapter.slots().forEach((slot, values) -> {
                if (slot.endsWith("lora_B.weight")) {
                    values.tensor().detach().mul_(new Scalar(SMALLER));
                }
            });

            Map<String, Double> distances =
                    PeftOutcome.of(model, adapter, input).distances(golden);

            double mean = mean(distances.values().stream());
            double meanOfPeft = mean(distances.keySet().stream().map(ofPeft::requireDouble));
            assertEquals(ofPeft.fields().keySet(), Set.copyOf(distances.keySet()));
            assertTrue(mean <= BFLOAT16_RATIO * meanOfPeft, "%s, and PEFT's %s".formatted(mean, meanOfPeft));
        }
    }

    static Stream<Arguments> onBfloat16() {
        return Stream.of("llama_linear", "qwen3_dora_rslora", "phi3_fused", "gemma4_experts", "qwen3moe_experts")
                .flatMap(name -> Stream.of(KernelPolicy.values()).map(policy -> Arguments.of(name, policy)));
    }

    private static double mean(Stream<Double> distances) {
        return distances.mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    /// A choice of experts that rounding decides is no difference between two programs.
    private static Path withAllExperts(Path base, Path copy) throws IOException {
        try (Stream<Path> files = Files.list(base)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        Path config = copy.resolve("config.json");
        String text = Files.readString(config);
        Matcher experts = Pattern.compile("\"num_(?:local_)?experts\": (\\d+)").matcher(text);
        if (experts.find()) {
            text = text.replaceAll("\"(top_k_experts|num_experts_per_tok)\": \\d+", "\"$1\": " + experts.group(1));
            Files.writeString(config, text);
        }
        return copy;
    }

    private static Adapter attach(LanguageModel model, Path directory) {
        try (AdapterFiles files = AdapterFiles.open(directory)) {
            Adapter adapter = Adapters.of(model).attach("peft", files);
            Adapters.of(model).train("peft");
            return adapter;
        }
    }
}
