package dev.bowline.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.Outcome;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Where index and shards disagree, the transformers columns say what those releases did.
class IndexMatrixTest {

    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";

    @TempDir
    private Path temporary;

    @Test
    void everyRecordedDisagreementIsForeseenAndFound() throws IOException {
        Map<String, JsonValue> record = RecordedCells.read("transformers-index.json")
                .requireObject("cells")
                .fields();
        RecordedCells cells = new RecordedCells();
        Map<String, String> wrong = new TreeMap<>();
        for (Map.Entry<String, JsonValue> cell : record.entrySet()) {
            String[] name = cell.getKey().split("/");
            TieAudit audit = TieAudit.of(write(cells.family(name[0]), name));
            assertTrue(audit.has(FindingCode.T08), cell.getKey());
            if (!name[2].startsWith("copy")) {
                assertEquals(Outcome.FAILS, audit.consumer(Consumer.LLAMA_CPP).outcome(), cell.getKey());
            }
            for (Consumer consumer : List.of(Consumer.TRANSFORMERS_4, Consumer.TRANSFORMERS_5)) {
                String release = consumer == Consumer.TRANSFORMERS_4 ? "v4" : "v5";
                String did = RecordedCells.recorded(cell.getValue().asObject().requireObject(release))
                        // the head that the index maps is the head; here it is the copy
                        .replace("head copy", "head head");
                String foreseen = RecordedCells.foreseen(audit.consumer(consumer));
                if (!did.equals(foreseen)) {
                    wrong.put(cell.getKey() + " " + consumer, "did %s, foreseen %s".formatted(did, foreseen));
                }
            }
        }

        assertEquals(20, record.size());
        assertEquals(Map.of(), wrong);
    }

    private Path write(JsonObject family, String[] name) throws IOException {
        JsonArray levels = family.requireArray("levels");
        String[] flags = new String[levels.size()];
        Arrays.fill(flags, name[1]);
        String head = family.requireString("head");
        Path directory = RecordedCells.fixture(family, flags, "both_differ")
                .sharded(head)
                .write(temporary.resolve(String.join("-", name)));
        Path first = directory.resolve(FIRST);
        Path second = directory.resolve(SECOND);
        switch (name[2]) {
            case "unlisted" -> {
                addHead(first, second, head, new byte[0]);
                Files.delete(second);
                map(directory, index -> index.without(head));
            }
            case "listed_without_tensor" -> {
                Files.delete(second);
                map(directory, index -> index.with(head, FIRST));
            }
            case "listed_without_file" -> Files.delete(second);
            case "copy_mapped_to_first" -> {
                addHead(first, second, head, zeros());
                map(directory, index -> index.with(head, FIRST));
            }
            case "copy_mapped_to_second" -> addHead(first, second, head, zeros());
            default -> throw new IllegalArgumentException(name[2]);
        }
        return directory;
    }

    private static byte[] zeros() {
        return new byte[CheckpointFixture.ROWS * CheckpointFixture.WIDTH * 4];
    }

    /// Writes the first shard with the head of the second, or with `instead` under its name.
    private static void addHead(Path first, Path second, String head, byte[] instead) throws IOException {
        Path written = first.resolveSibling("first");
        try (SafetensorsFile one = SafetensorsFile.open(first);
                SafetensorsFile two = SafetensorsFile.open(second)) {
            List<TensorSource> tensors = new ArrayList<>();
            one.entries().keySet().forEach(key -> tensors.add(TensorSource.of(one, key)));
            TensorSource real = TensorSource.of(two, head);
            tensors.add(
                    instead.length == 0
                            ? real
                            : new TensorSource(
                                    head, real.type(), real.shape(), TensorBytes.of(MemorySegment.ofArray(instead))));
            SafetensorsWriter.write(written, tensors);
        }
        Files.move(written, first, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }

    private static void map(Path directory, java.util.function.UnaryOperator<JsonObject> edit) throws IOException {
        Path file = directory.resolve(ShardIndex.FILE_NAME);
        JsonObject index = Json.parse(file).asObject();
        Files.writeString(file, Json.pretty(index.with("weight_map", edit.apply(index.requireObject("weight_map")))));
    }
}
