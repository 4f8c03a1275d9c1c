package dev.bowline.audit.findings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.Remedy;
import dev.bowline.audit.RecordedCells;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.repair.Repair;
import dev.bowline.audit.repair.RepairOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A repair that a fix names is not refused, and its result does not have the finding.
class PastedFixesTest {

    @TempDir
    private Path temporary;

    @Test
    void everyCommandOfEveryCellEndsItsFinding() throws IOException {
        RecordedCells record = new RecordedCells();
        Map<String, String> wrong = new TreeMap<>();
        int commands = 0;
        int cells = 0;
        for (String cell : record.cells().keySet()) {
            TieAudit audit = TieAudit.of(record.write(cell, temporary.resolve("cell" + cells++)));
            for (Finding finding : audit.findings()) {
                for (Remedy remedy : repairs(finding)) {
                    commands++;
                    problem(finding, (Remedy.Repair) remedy)
                            .ifPresent(problem -> wrong.put(cell + " " + finding.code(), problem));
                }
            }
        }

        assertTrue(commands > 1000, "only %d commands".formatted(commands));
        int all = commands;
        assertEquals(Map.of(), wrong, () -> "%d of %d".formatted(wrong.size(), all));
    }

    /// The last repair of a fix; the first of two may leave the decision to its owner.
    private static List<Remedy> repairs(Finding finding) {
        List<Remedy> repairs = finding.fix().remedies().stream()
                .filter(Remedy.Repair.class::isInstance)
                .toList();
        return repairs.isEmpty() ? List.of() : List.of(repairs.getLast());
    }

    private static Optional<String> problem(Finding finding, Remedy.Repair repair) {
        try {
            TieAudit after = Repair.plan(repair.checkpoint(), RepairOptions.of(repair.decisions()))
                    .after();
            boolean mayStay = Findings.STAY.contains(finding.code());
            return after.has(finding.code()) && !mayStay ? Optional.of("left by: " + finding.fix()) : Optional.empty();
        } catch (BowlineException e) {
            return Optional.of(e.problem() + " <- " + finding.fix());
        }
    }
}
