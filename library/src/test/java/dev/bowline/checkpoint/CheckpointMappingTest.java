package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.bowline.catalog.AutoModel;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.statedict.KeyMap;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A checkpoint maps its keys to the slots of an architecture once, however many operations use the map.
class CheckpointMappingTest {

    private static final Path SOURCES = Path.of("src", "main", "java", "dev", "bowline");

    @TempDir
    private Path temporary;

    @Test
    void everyOperationOnACheckpointUsesOneMap() {
        try (TensorScope _ = TensorScope.open();
                Checkpoint checkpoint = Checkpoint.open(Golden.directory("gemma4", "moe_tied"));
                LanguageModel planned = AutoModel.fromConfig(checkpoint.config());
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            KeyMap keys = CheckpointMapping.of(checkpoint, planned).keys();

            CheckpointLoader.requireFits(checkpoint, planned);
            CheckpointLoader.forecast(checkpoint, planned, HeadComparison.ofFiles());
            CheckpointLoader.load(checkpoint, model);
            WeightDistance.of(checkpoint, model);
            CheckpointSaver.save(model, temporary.resolve("saved"), SaveOptions.like(checkpoint));

            assertSame(keys, CheckpointMapping.of(checkpoint, model).keys());
            assertSame(
                    CheckpointMapping.of(checkpoint, planned).keysWithoutTensor(),
                    CheckpointMapping.of(checkpoint, model).keysWithoutTensor());
        }
    }

    /// The map in the checkpoint is the only one that is built of a checkpoint's keys.
    @Test
    void oneClassMapsKeys() throws IOException {
        assertEquals(List.of("checkpoint/MappedKeys.java", "checkpoint/Misfit.java"), sourcesWith("KeyMap.of("));
        assertEquals(List.of("checkpoint/Checkpoint.java"), sourcesWith("new MappedKeys("));
        assertEquals(List.of("checkpoint/CheckpointMapping.java"), sourcesWith("new CheckpointMapping("));
    }

    @Test
    void anotherArchitectureGetsAnotherMap() {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.directory("gemma4", "moe_tied"));
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            SequencedSet<String> slots = new LinkedHashSet<>(model.slots().keySet());
            MappedKeys first = checkpoint.mappedKeys(model.weightRules(), slots);
            SequencedSet<String> fewer = new LinkedHashSet<>(slots);
            fewer.removeFirst();

            MappedKeys second = checkpoint.mappedKeys(model.weightRules(), fewer);

            assertNotSame(first, second);
            assertEquals(
                    first.keys().unknown().size() + 1, second.keys().unknown().size());
        }
    }

    private static List<String> sourcesWith(String text) throws IOException {
        TreeSet<String> found = new TreeSet<>();
        try (Stream<Path> files = Files.walk(SOURCES)) {
            for (Path file :
                    files.filter(each -> each.toString().endsWith(".java")).toList()) {
                if (Files.readString(file).contains(text)) {
                    found.add(SOURCES.relativize(file).toString().replace('\\', '/'));
                }
            }
        }
        return List.copyOf(found);
    }
}
