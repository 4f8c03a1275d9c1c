package dev.bowline.adapter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Adapters of PEFT on embeddings, heads, whole modules and rows of tokens have PEFT's logits and gradients, on
/// models with and without a tie, and are written as PEFT writes them.
class TiedAdaptersTest {

    /// Relative to the norm; 5.2e-5 was measured, for the gradient of a query projection.
    private static final double BOUND = 2e-4;

    @TempDir
    private Path directory;

    static Stream<String> cases() {
        return Stream.of(
                "embedding_alone",
                "head_alone",
                "embedding_and_head_apart",
                "shared",
                "shared_by_head",
                "saved_apart",
                "saved_embedding_alone",
                "saved_shared",
                "saved_norms_and_mlp",
                "token_rows",
                "token_rows_of_padding",
                "untied",
                "untied_saved",
                "untied_token_rows",
                "gemma2_shared",
                "gemma2_token_rows",
                "gemma4_shared",
                "gemma4_token_rows",
                "gemma4_saved_shared");
    }

    static Stream<Arguments> casesUnderEachPolicy() {
        Stream<String> plain = Stream.of(
                "embedding_alone", "saved_shared", "saved_norms_and_mlp", "token_rows_of_padding", "gemma4_shared");
        return Stream.concat(
                cases().map(name -> Arguments.of(name, KernelPolicy.FUSED_CPU)),
                plain.map(name -> Arguments.of(name, KernelPolicy.LIBTORCH)));
    }

    @ParameterizedTest
    @MethodSource("casesUnderEachPolicy")
    void logitsAndGradientsArePefts(String name, KernelPolicy kernels) {
        Path adapter = Golden.directory("tied_adapters", name);
        Golden reference = Golden.read(adapter.resolve("reference.safetensors"));
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = base(adapter);
                AdapterFiles files = AdapterFiles.open(adapter)) {
            LanguageModel model = pretrained.model();
            model.useKernels(kernels);
            boolean wasTied = model.lmHead().isTied();
            Adapter attached = Adapters.of(model).attach("peft", files);
            Adapters.of(model).train("peft");

            Tensor ids = reference.tensor("input_ids");
            Tensor hidden = model.hiddenStates(ids, Sequences.causal(2, 10), Optional.empty());
            Tensor logits = model.head().logits(hidden.detach()).detach();
            double loss =
                    new ChunkedCrossEntropy(5).backward(LossInput.of(hidden, model.head(), labels(ids)), 1.0 / 18);

            assertTrue(distance(reference.tensor("logits"), logits) <= BOUND, "logits");
            assertEquals(reference.tensor("loss").item_double(), loss, BOUND * Math.abs(loss));
            Map<String, Tensor> expected = gradients(reference, attached);
            assertEquals(expected.keySet(), attached.slots().keySet());
            attached.slots().forEach((path, slot) -> {
                Tensor gradient = slot.get().gradient().orElseThrow();
                double distance = distance(Objects.requireNonNull(expected.get(path)), gradient);
                assertTrue(distance <= BOUND, () -> path + " is off by " + distance);
            });
            assertEquals(attached.slots().keySet(), model.trainable().keySet());
            assertEquals(wasTied, TiedWeights.hasLocalTiedLmHead(model));
            TiedWeights.ensureTiedLmHead(model);
            TiedWeights.requireDistinct(model, model.parameters());
        }
    }

    /// The head's part of a shared delta has a parameter of its own in PEFT, on the same storage: its gradient,
    /// transposed, is the other part of ours.
    private static Map<String, Tensor> gradients(Golden reference, Adapter adapter) {
        Map<String, Tensor> gradients = new LinkedHashMap<>();
        reference.names().stream().filter(key -> key.startsWith("grad.")).forEach(key -> {
            // PEFT copies a module with all inside it; here each linear inside has a copy.
            String path =
                    key.substring("grad.".length()).replaceAll("modules_to_save\\.(.+)\\.", "$1.modules_to_save.");
            gradients.put(path, reference.tensor(key));
        });
        for (AdaptedModule module : adapter.modules()) {
            if (AdapterTies.uses(module) == AdaptedModule.Uses.BOTH
                    && module instanceof AdaptedModule.EmbeddingPair pair) {
                add(gradients, pair.module() + ".lora_embedding_A", "lm_head.lora_B.weight");
                add(gradients, pair.module() + ".lora_embedding_B", "lm_head.lora_A.weight");
            }
        }
        return gradients;
    }

    private static void add(Map<String, Tensor> gradients, String ours, String head) {
        Tensor other = Objects.requireNonNull(gradients.remove(head));
        gradients.compute(
                ours, (_, gradient) -> Objects.requireNonNull(gradient).add(other.t()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void anAdapterIsWrittenAsPeftWroteIt(String name) {
        Path adapter = Golden.directory("tied_adapters", name);
        Path saved = directory.resolve(name);
        Golden reference = Golden.read(adapter.resolve("reference.safetensors"));
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = base(adapter);
                AdapterFiles files = AdapterFiles.open(adapter)) {
            LanguageModel model = pretrained.model();
            Adapter attached = Adapters.of(model).attach("peft", files);
            attached.save(
                    saved,
                    AdapterRecord.of(
                            "base",
                            new BaseIdentity(new TreeMap<>()),
                            attached.config().tieMode()));

            Golden written = Golden.read(saved.resolve("adapter_model.safetensors"));
            Golden original = Golden.read(adapter.resolve("adapter_model.safetensors"));
            TreeSet<String> keys = new TreeSet<>(original.names());
            keys.removeIf(key -> key.endsWith(".base_layer.weight"));
            assertEquals(keys, new TreeSet<>(written.names()));
            keys.forEach(key -> assertTrue(original.tensor(key).equal(written.tensor(key)), key));

            try (AdapterFiles again = AdapterFiles.open(saved)) {
                Adapters.of(model).detach("peft");
                Adapter second = Adapters.of(model).attach("again", again);
                assertEquals(attached.modules(), second.modules());
                Tensor ids = reference.tensor("input_ids");
                Tensor logits = model.logits(ids, Sequences.causal(2, 10)).detach();
                assertTrue(distance(reference.tensor("logits"), logits) <= BOUND, "logits");
            }
        }
    }

    private static Pretrained base(Path adapter) {
        String base =
                Json.parse(adapter.resolve("peft_reference.json")).asObject().requireString("base");
        return AutoModel.fromPretrained(Golden.directory("", base));
    }

    private static Targets labels(Tensor ids) {
        long[] labels = new long[20];
        for (int row = 0; row < 2; row++) {
            for (int i = 0; i < 10; i++) {
                labels[10 * row + i] = i == 9
                        ? Targets.IGNORED
                        : ids.select(0, row).select(0, i + 1).item_long();
            }
        }
        return Targets.of(labels);
    }

    private static double distance(Tensor expected, Tensor actual) {
        double size = expected.norm().item_double();
        double distance = actual.sub(expected).norm().item_double();
        return size == 0 ? distance : distance / size;
    }
}
