package dev.bowline.audit.consumers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.AuditSchemaTest;
import dev.bowline.audit.RecordedCells;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.audit.findings.Findings;
import dev.bowline.audit.findings.Severity;
import dev.bowline.audit.repair.Repair;
import dev.bowline.audit.repair.RepairOptions;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The two transformers columns say what transformers 4.57.6 and 5.18.0 did, in every cell that was recorded.
class ConsumerMatrixTest {

    @TempDir
    private Path temporary;

    @Test
    void everyRecordedCellIsForeseen() throws IOException {
        int cells = requireForeseen(new RecordedCells());

        assertTrue(cells > 2000, "only %d cells".formatted(cells));
    }

    /// Release 5 loads `model.model.embed_tokens.weight`, release 4 does not, and both say nothing of it.
    @Test
    void aPrefixTooMuchIsForeseen() throws IOException {
        RecordedCells record = new RecordedCells("transformers-prefixes.json");
        requireForeseen(record);
        String cell = "llama_prefixed_twice/single/true/embed_only";
        Path checkpoint = record.write(cell, temporary.resolve("found"));

        TieAudit audit = TieAudit.of(checkpoint);
        TieAudit after = Repair.applyInPlace(Repair.plan(checkpoint, RepairOptions.LOSSLESS));

        assertEquals(Set.of(FindingCode.T23), Findings.codes(audit));
        assertEquals(Optional.of(Severity.CRITICAL), audit.worst());
        assertEquals(Set.of(), Findings.codes(after));
        assertEquals("model.embed_tokens.weight", after.pair().embeddingKey());
    }

    private int requireForeseen(RecordedCells record) throws IOException {
        Map<String, String> wrong = new TreeMap<>();
        int cells = 0;
        for (Map.Entry<String, JsonValue> cell : record.cells().entrySet()) {
            TieAudit audit = AuditSchemaTest.requireDescribed(
                    TieAudit.of(record.write(cell.getKey(), temporary.resolve("cell" + cells++))));
            JsonObject done = cell.getValue().asObject();
            compare(cell.getKey(), audit.consumer(Consumer.TRANSFORMERS_4), done.get("v4"), wrong);
            compare(cell.getKey(), audit.consumer(Consumer.TRANSFORMERS_5), done.get("v5"), wrong);
        }

        int all = cells;
        assertEquals(Map.of(), wrong, () -> "%d of %d".formatted(wrong.size(), 2 * all));
        return cells;
    }

    private static void compare(
            String cell, ConsumerView view, java.util.Optional<JsonValue> record, Map<String, String> wrong) {
        String recorded = RecordedCells.recorded(record.orElse(RecordedCells.ABSENT));
        String foreseen = RecordedCells.foreseen(view);
        if (!recorded.equals(foreseen)) {
            wrong.put(cell + " " + view.consumer(), "did %s, foreseen %s".formatted(recorded, foreseen));
        }
    }
}
