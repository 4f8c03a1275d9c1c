package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Families;
import dev.bowline.catalog.Pretrained;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.Architecture;
import dev.bowline.model.TiedWeights;
import dev.bowline.safetensors.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every class of every family, with every head that it has, is inspected, and fine-tuned by a recipe, saved, loaded
/// and asked.
class FamilyFinetuneTest {

    private static final Path FAMILIES = Path.of("..", "library", "src", "test", "resources", "fixtures", "families");

    private static final String RECIPE = """
            model:
              pretrained_model_name_or_path: model
              torch_dtype: float32
            dataset:
              path: train.jsonl
              column_mapping: {question: question, answer: answer}
              seq_length: 64
            step_scheduler:
              global_batch_size: 2
              local_batch_size: 2
              max_steps: 2
            optimizer:
              lr: 1e-3
            lr_scheduler:
              lr_warmup_steps: 1
            checkpoint:
              checkpoint_dir: run
            seed: 7
            """;

    private static final String EXAMPLES = """
            {"question": "What is two and two?", "answer": "Four."}
            {"question": "Which day follows Monday?", "answer": "Tuesday."}
            """;

    @TempDir
    private Path directory = Path.of("");

    /// The first fixture in float32 of every class and head.
    static List<Path> models() throws IOException {
        Map<String, Path> chosen = new TreeMap<>();
        try (Stream<Path> files = Files.walk(FAMILIES)) {
            for (Path file : files.filter(path -> path.endsWith("reference.json"))
                    .sorted()
                    .toList()) {
                JsonObject facts = Json.parse(file).asObject();
                if (!facts.has("bf16")) {
                    chosen.putIfAbsent(
                            facts.requireString("class") + facts.requireBoolean("tied"),
                            file.toAbsolutePath().getParent());
                }
            }
        }
        return List.copyOf(chosen.values());
    }

    @Test
    void noClassOfTheFamiliesIsLeftOut() throws IOException {
        Set<String> trained = new TreeSet<>();
        for (Path model : models()) {
            trained.add(Json.parse(model.resolve("reference.json")).asObject().requireString("class"));
        }

        Set<String> families = Families.all().stream()
                .map(Architecture::name)
                .filter(name -> !name.startsWith("Gemma4"))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(families, trained);
    }

    @ParameterizedTest
    @MethodSource("models")
    void aModelIsFineTunedSavedLoadedAndAsked(Path fixture) throws IOException {
        copy(fixture, Set.of("config.json", "model.safetensors"));
        copy(FAMILIES.resolve("tokenizer"), Set.of("tokenizer.json", "tokenizer_config.json"));
        Files.writeString(directory.resolve("train.jsonl"), EXAMPLES);
        Path recipe = Files.writeString(directory.resolve("recipe.yaml"), RECIPE);

        Path saved = Path.of(Ran.bowline("finetune", recipe.toString(), "--json")
                .succeeded()
                .json()
                .requireString("checkpoint"));

        JsonObject facts = Json.parse(fixture.resolve("reference.json")).asObject();
        try (Pretrained again = AutoModel.fromPretrained(saved)) {
            assertEquals(facts.requireString("class"), again.model().architecture());
            assertEquals(facts.requireBoolean("tied"), TiedWeights.hasLocalTiedLmHead(again.model()));
        }
        assertTrainedAndTowersKept(fixture.resolve("model.safetensors"), saved.resolve("model.safetensors"));
        String answer = Ran.bowline(
                        "generate", saved.toString(), "--prompt", "Hi", "--greedy", "--max-new-tokens", "3", "--json")
                .succeeded()
                .out();
        assertFalse(answer.isBlank());
    }

    @ParameterizedTest
    @MethodSource("models")
    void inspectCountsWhatTransformersCounts(Path fixture) {
        JsonObject facts = Json.parse(fixture.resolve("reference.json")).asObject();
        JsonObject inspection =
                Ran.bowline("inspect", fixture.toString(), "--json").succeeded().json();

        assertEquals(facts.requireString("class"), inspection.requireString("architecture"));
        assertEquals(
                facts.requireBoolean("tied"), inspection.requireObject("head").requireBoolean("tied"));
        assertTrue(inspection.requireBoolean("loads"));
        assertEquals(
                facts.requireLong("parameters_distinct"),
                inspection.requireLong("parameters") + valuesOfTowers(fixture.resolve("model.safetensors")));
        assertEquals(
                valuesOfTowers(fixture.resolve("model.safetensors")) == 0,
                inspection.requireArray("passed_through").values().isEmpty());
    }

    private static long valuesOfTowers(Path file) {
        try (SafetensorsFile weights = SafetensorsFile.open(file)) {
            return weights.entries().entrySet().stream()
                    .filter(entry -> entry.getKey().contains("vision_tower.")
                            || entry.getKey().contains("multi_modal_projector."))
                    .mapToLong(entry -> entry.getValue().shape().stream().reduce(1L, (a, b) -> a * b))
                    .sum();
        }
    }

    private void copy(Path from, Set<String> names) throws IOException {
        Path model = Files.createDirectories(directory.resolve("model"));
        for (String name : names) {
            Files.copy(from.resolve(name), model.resolve(name));
        }
    }

    /// A vision tower has the bytes that were read; every other matrix has learned something.
    private static void assertTrainedAndTowersKept(Path before, Path after) {
        try (SafetensorsFile read = SafetensorsFile.open(before);
                SafetensorsFile written = SafetensorsFile.open(after)) {
            for (String name : written.entries().keySet()) {
                byte[] old = bytes(read, name);
                byte[] now = bytes(written, name);
                assertEquals(old.length, now.length, name);
                if (name.contains("vision_tower.") || name.contains("multi_modal_projector.")) {
                    assertArrayEquals(old, now, name);
                } else if (name.endsWith("_proj.weight") && !name.contains(".experts.")) {
                    assertFalse(Arrays.equals(old, now), name);
                }
            }
            assertTrue(written.entries().keySet().containsAll(trainedNames(read)), "a tensor was lost");
        }
    }

    private static Set<String> trainedNames(SafetensorsFile file) {
        return file.entries().keySet().stream()
                .filter(name -> !name.endsWith("inv_freq"))
                .collect(Collectors.toSet());
    }

    private static byte[] bytes(SafetensorsFile file, String name) {
        return file.bytes(name).toArray(ValueLayout.JAVA_BYTE);
    }
}
