package dev.bowline.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.evidence.VocabularyRows;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Where `vocab_size` is not the number of rows, the transformers columns say what those releases did.
class VocabularyMatrixTest {

    @TempDir
    private Path temporary;

    @Test
    void everyRecordedVocabularyIsForeseenAndFound() throws IOException {
        Map<String, JsonValue> record = RecordedCells.read("transformers-vocabulary.json")
                .requireObject("cells")
                .fields();
        RecordedCells cells = new RecordedCells();
        Map<String, String> wrong = new TreeMap<>();
        for (Map.Entry<String, JsonValue> cell : record.entrySet()) {
            String[] name = cell.getKey().split("/");
            TieAudit audit = TieAudit.of(write(cells.family(name[0]), name));
            assertTrue(audit.has(FindingCode.T10), cell.getKey());
            for (Consumer consumer : List.of(Consumer.TRANSFORMERS_4, Consumer.TRANSFORMERS_5)) {
                String release = consumer == Consumer.TRANSFORMERS_4 ? "v4" : "v5";
                String did = RecordedCells.recorded(
                        cell.getValue().asObject().get(release).orElse(RecordedCells.ABSENT));
                String foreseen = RecordedCells.foreseen(audit.consumer(consumer));
                if (!did.equals(foreseen)) {
                    wrong.put(cell.getKey() + " " + consumer, "did %s, foreseen %s".formatted(did, foreseen));
                }
            }
        }

        assertTrue(record.size() > 300, "only %d cells".formatted(record.size()));
        assertEquals(Map.of(), wrong);
    }

    private Path write(JsonObject family, String[] name) throws IOException {
        JsonArray levels = family.requireArray("levels");
        String[] flags = new String[levels.size()];
        Arrays.fill(flags, name[3]);
        CheckpointFixture fixture = RecordedCells.fixture(family, flags, name[4]);
        long size = Long.parseLong(name[2]);
        JsonObject config = fixture.config();
        return fixture.config(
                        name[1].equals("top")
                                ? config.with(VocabularyRows.VOCABULARY, size)
                                : config.with(
                                        name[1], config.requireObject(name[1]).with(VocabularyRows.VOCABULARY, size)))
                .write(temporary.resolve(String.join("-", name)));
    }
}
