package dev.bowline.adapter.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.Scaling;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.generate.Generation;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.TokenListener;
import dev.bowline.gguf.LlamaCpp;
import dev.bowline.gguf.TinyLlamaGguf;
import dev.bowline.json.Json;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A real llama.cpp continues a prompt with an exported adapter as it does with the merged weights, and without an
/// adapter as Bowline does.
class LlamaCppExportTest {

    private static final Path TIED = Golden.directory("families", "llama/tied");
    private static final String PROMPT = "abcdefgh";
    private static final int TOKENS = 24;
    private static final int END = 2;

    @TempDir
    private Path temporary;

    private Path untied;
    private final Map<String, float[]> weights = new HashMap<>();

    /// The tied fixture with a head of its own, so that every table can have a delta.
    @BeforeEach
    void writeUntied() throws IOException {
        untied = Files.createDirectory(temporary.resolve("untied"));
        Files.writeString(
                untied.resolve("config.json"),
                Json.compact(Json.parse(TIED.resolve("config.json")).asObject().with("tie_word_embeddings", false)));
        float[] head = new float[96 * 32];
        Random random = new Random(5);
        for (int i = 0; i < head.length; i++) {
            head[i] = (float) random.nextGaussian() / 4;
        }
        try (SafetensorsFile file = SafetensorsFile.open(TIED.resolve("model.safetensors"))) {
            List<TensorSource> tensors = new ArrayList<>();
            for (TensorEntry entry : file.entries().values()) {
                tensors.add(TensorSource.of(file, entry.name()));
                weights.put(entry.name(), TinyLlamaGguf.floats(file.bytes(entry.name())));
            }
            MemorySegment bytes = MemorySegment.ofArray(new byte[4 * head.length]);
            MemorySegment.copy(MemorySegment.ofArray(head), 0, bytes, 0, bytes.byteSize());
            tensors.add(new TensorSource("lm_head.weight", SafetensorsType.F32, List.of(96L, 32L), bytes));
            SafetensorsWriter.write(untied.resolve("model.safetensors"), tensors);
            weights.put("lm_head.weight", head);
        }
    }

    /// Two ranks, two alphas and the square root of rsLoRA in one adapter, which GGUF has one number for.
    private static LoraConfig mixed() {
        LoraConfig plain = LoraConfig.of(2, 3, new ModulePatterns.Regex(".*(_proj|embed_tokens|lm_head)"));
        return new LoraConfig(
                2,
                3,
                0,
                plain.dropoutPosition(),
                Scaling.RSLORA,
                plain.variant(),
                plain.loraAInit(),
                plain.targetModules(),
                plain.excludeModules(),
                List.of(),
                List.of(),
                new LinkedHashMap<>(Map.of("q_proj", 5L)),
                new LinkedHashMap<>(Map.of("k_proj", 1.25, "embed_tokens", 0.5, "lm_head", 0.5)),
                new LinkedHashMap<>(),
                plain.tieMode());
    }

    private Map<String, float[]> addPairs(AdapterFixture fixture, LoraConfig config, Set<String> modules) {
        Map<String, float[]> merged = new HashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(untied.resolve("model.safetensors"))) {
            for (TensorEntry entry : file.entries().values()) {
                String module = entry.name().replaceFirst("\\.weight$", "");
                if (modules.stream().noneMatch(module::endsWith)) {
                    continue;
                }
                float[] weight = Objects.requireNonNull(weights.get(entry.name()));
                long rows = entry.shape().getFirst();
                long rank = config.rank(module);
                if (module.endsWith("embed_tokens")) {
                    fixture.embedding(module, rows, 32, rank);
                    float[] a = transposed(fixture.values(module + ".lora_embedding_A"), (int) rank);
                    float[] b = transposed(fixture.values(module + ".lora_embedding_B"), 32);
                    merged.put(entry.name(), AdapterFixture.merged(weight, b, a, config.scale(module)));
                } else {
                    fixture.linear(module, rows, entry.shape().getLast(), rank);
                    merged.put(entry.name(), fixture.merged(module, weight, config.scale(module)));
                }
            }
        }
        return merged;
    }

    private static float[] transposed(float[] matrix, int rows) {
        int columns = matrix.length / rows;
        float[] turned = new float[matrix.length];
        IntStream.range(0, matrix.length).forEach(at -> turned[at % columns * rows + at / columns] = matrix[at]);
        return turned;
    }

    @Test
    void anExportedAdapterHasTheEffectOfAMerge() throws IOException, InterruptedException {
        LoraConfig plain = LoraConfig.of(2, 3, new ModulePatterns.Named(List.of("q_proj", "v_proj")));
        AdapterFixture small = new AdapterFixture(TIED);
        AdapterFixture large = new AdapterFixture(untied);
        Map<String, float[]> smallMerge = addPairs(small, plain, Set.of("q_proj", "v_proj"));
        Map<String, float[]> largeMerge = addPairs(large, mixed(), Set.of("_proj", "embed_tokens", "lm_head"));
        ExportReport report = export(small.write(temporary.resolve("small"), plain), TIED, "small-out");
        ExportReport all = export(large.write(temporary.resolve("large"), mixed()), untied, "large-out");

        List<String> texts = LlamaCpp.complete(
                temporary,
                PROMPT,
                TOKENS,
                new LlamaCpp.Load(gguf(TIED, Map.of(), "tied")),
                new LlamaCpp.Load(gguf(TIED, smallMerge, "tied-merged")),
                new LlamaCpp.Load(
                        temporary.resolve("tied.gguf"), report.directory().resolve("adapter.gguf")),
                new LlamaCpp.Load(gguf(untied, Map.of(), "untied")),
                new LlamaCpp.Load(gguf(untied, largeMerge, "untied-merged")),
                new LlamaCpp.Load(
                        temporary.resolve("untied.gguf"), all.directory().resolve("adapter.gguf")));

        assertEquals(6, texts.size(), texts.toString());
        assertEquals(greedy(TIED), texts.get(0));
        assertNotEquals(texts.get(0), texts.get(1));
        assertEquals(texts.get(1), texts.get(2));
        assertEquals(greedy(untied), texts.get(3));
        assertNotEquals(texts.get(3), texts.get(4));
        assertEquals(texts.get(4), texts.get(5));
        assertTrue(texts.stream().allMatch(text -> text.length() > TOKENS / 3), texts.toString());
        assertEquals(12, report.tensorsIn());
        assertEquals(12, report.tensorsOut());
        assertEquals(46, all.tensorsIn());
        assertEquals(46, all.tensorsOut());
    }

    private ExportReport export(Path adapter, Path base, String out) {
        return AdapterExport.write(adapter, base, ExportTarget.LLAMA_CPP, temporary.resolve(out));
    }

    private Path gguf(Path base, Map<String, float[]> changed, String name) {
        Path file = temporary.resolve(name + ".gguf");
        TinyLlamaGguf.write(base, changed, file);
        return file;
    }

    /// Bowline's own continuation, in the vocabulary of the GGUF file. llama.cpp begins with the token of the start.
    private static String greedy(Path checkpoint) {
        int[] prompt = IntStream.concat(IntStream.of(1), PROMPT.chars().map(each -> TinyLlamaGguf.id((char) each)))
                .toArray();
        try (Pretrained pretrained = AutoModel.fromPretrained(checkpoint);
                Generation generation = new Generation(pretrained.model())) {
            return generation
                    .generate(prompt, GenerationSettings.greedy(TOKENS).withStopTokens(Set.of(END)), TokenListener.NONE)
                    .tokens()
                    .stream()
                    .map(TinyLlamaGguf::text)
                    .collect(Collectors.joining());
        }
    }
}
