package dev.bowline.audit.repair;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.RecordedCells;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.findings.Finding;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a repair leaves is loaded by transformers 4.57.6 and 5.18.0 as its matrix says, and as the dry run said.
///
/// `-Dbowline.repaired=DIR` leaves the repaired checkpoints there, for tools/make_audit_records.py to load.
class RepairedMatrixTest {

    @TempDir
    private Path temporary;

    @Test
    void everyResultIsLoadedAsForeseen() throws IOException {
        Path results = Optional.ofNullable(System.getProperty("bowline.repaired"))
                .map(Path::of)
                .orElse(temporary.resolve("results"));
        Map<String, JsonValue> record = RecordedCells.read("transformers-repaired.json")
                .requireObject("cells")
                .fields();
        Map<String, String> wrong = new TreeMap<>();

        RepairedCells cells = new RepairedCells(temporary.resolve("sources"), results);
        List<RepairedCells.Result> repaired = new ArrayList<>(cells.repair());
        repaired.addAll(cells.repairDamaged());
        for (RepairedCells.Result result : repaired) {
            TieAudit audit = TieAudit.of(result.directory());
            assertEquals(audit.consumers(), result.foreseen().consumers(), result.name());
            assertEquals(codes(audit), codes(result.foreseen()), result.name());
            JsonObject done = Optional.ofNullable(record.get(result.name()))
                    .map(JsonValue::asObject)
                    .orElse(JsonObject.of());
            compare(result, audit.consumer(Consumer.TRANSFORMERS_4), done.get("v4"), wrong);
            compare(result, audit.consumer(Consumer.TRANSFORMERS_5), done.get("v5"), wrong);
        }

        assertEquals(Map.of(), wrong);
        Set<String> names =
                new TreeSet<>(repaired.stream().map(RepairedCells.Result::name).toList());
        assertEquals(Set.of(), without(names, record.keySet()), "not recorded");
        assertEquals(Set.of(), without(record.keySet(), names), "recorded, and not repaired any more");
        assertTrue(repaired.size() > 350, "only %d results".formatted(repaired.size()));
    }

    private static Set<String> without(Set<String> names, Set<String> others) {
        Set<String> left = new TreeSet<>(names);
        left.removeAll(others);
        return left;
    }

    private static List<FindingCode> codes(TieAudit audit) {
        return audit.findings().stream().map(Finding::code).toList();
    }

    private static void compare(
            RepairedCells.Result result, ConsumerView view, Optional<JsonValue> record, Map<String, String> wrong) {
        String recorded = RecordedCells.recorded(record.orElse(RecordedCells.ABSENT));
        String foreseen = RecordedCells.foreseen(view);
        if (!recorded.equals(foreseen)) {
            wrong.put(result.name() + " " + view.consumer(), "did %s, foreseen %s".formatted(recorded, foreseen));
        }
        record.map(JsonValue::asObject)
                .filter(done -> !done.requireString("content").equals(result.content()))
                .ifPresent(_ -> wrong.put(result.name(), "is not what was loaded: make the record again"));
    }
}
