package dev.bowline.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.Outcome;
import dev.bowline.audit.findings.Finding;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.checkpoint.Inspection;
import dev.bowline.fixtures.TrueSize;
import dev.bowline.memory.MemoryReport;
import dev.bowline.model.Architecture;
import dev.bowline.model.LanguageModel;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.train.RecipeMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every family holds at the sizes it is published in: more than nine layers, experts and files, more than a hundred of
/// each, and a tensor of more than 2³¹ elements, with a config.json as each release of transformers writes it.
class TrueSizesTest {

    @TempDir
    private Path directory;

    static List<String> models() {
        return TrueSize.models();
    }

    @ParameterizedTest
    @MethodSource("models")
    void aPublishedModelIsWhollyExplainedByItsHeaders(String model) throws IOException {
        TrueSize size = TrueSize.of(model);
        size.writeWeights(directory);
        for (String release : size.configs().sequencedKeySet()) {
            size.writeConfig(directory, release);

            try (Checkpoint checkpoint = Checkpoint.open(directory);
                    LanguageModel built = AutoModel.fromConfig(checkpoint.config())) {
                Inspection inspection = Inspection.of(checkpoint, built);

                assertEquals(List.of(), inspection.refused(), release);
                assertEquals(List.of(), inspection.notes(), release);
                assertEquals(size.parameters(), inspection.parameters(), release);
                assertEquals(size.architecture(), inspection.architecture());
                CheckpointLoader.requireFits(checkpoint, built);
            }
        }
    }

    /// The holes are zeros, so every row of the embedding is damaged (T16); nothing else is found.
    @Test
    void theSmallestGemma4IsAuditedAndItsMemoryIsEstimated() throws IOException {
        TrueSize size = TrueSize.of("Gemma 4 E2B");
        Path model = Files.createDirectory(directory.resolve("model"));
        size.writeWeights(model);
        size.writeConfig(model, size.configs().firstEntry().getKey());
        Path recipe = Files.writeString(directory.resolve("recipe.yaml"), """
                model: {pretrained_model_name_or_path: model}
                dataset: {path: model/config.json, seq_length: 512}
                step_scheduler: {global_batch_size: 8, num_epochs: 1}
                optimizer: {lr: 1e-5}
                """);

        TieAudit audit = TieAudit.of(model, AuditOptions.NONE.with(new AutoModelLoad()));
        MemoryReport memory = RecipeMemory.of(RecipeFile.load(recipe, List.of()));

        assertEquals(
                List.of(FindingCode.T16),
                audit.findings().stream().map(Finding::code).toList());
        assertEquals(Outcome.TIED, audit.consumer(Consumer.BOWLINE).outcome());
        assertTrue(memory.estimate().total() > 2 * size.parameters());
    }

    @Test
    void everyClassThatTransformersHasIsAmongThemAndNothingIsSmall() throws IOException {
        List<TrueSize> sizes = models().stream().map(TrueSize::of).toList();

        Set<String> classes = sizes.stream().map(TrueSize::architecture).collect(Collectors.toCollection(TreeSet::new));
        Set<String> expected = Families.all().stream()
                .map(Architecture::name)
                .filter(MeasuredTies::inTransformers)
                .collect(Collectors.toCollection(TreeSet::new));
        expected.remove("Ministral3ForCausalLM"); // published inside Mistral 3's class only
        assertEquals(expected, classes);
        assertTrue(sizes.stream()
                .flatMap(size -> size.tensors().values().stream())
                .anyMatch(shape -> shape.stream().reduce(1L, Math::multiplyExact) > Integer.MAX_VALUE));
        assertTrue(sizes.stream()
                .anyMatch(size ->
                        size.tensors().keySet().stream().anyMatch(name -> name.startsWith("model.layers.125."))));
        assertTrue(sizes.stream()
                .anyMatch(size -> size.tensors().keySet().stream().anyMatch(name -> name.contains(".experts.127."))));
        assertTrue(TrueSize.of("Llama 3.1 405B").writeWeights(directory) > 99);
    }
}
