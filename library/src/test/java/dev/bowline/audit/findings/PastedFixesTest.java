package dev.bowline.audit.findings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.audit.RecordedCells;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.Role;
import dev.bowline.audit.repair.Repair;
import dev.bowline.audit.repair.RepairOptions;
import dev.bowline.audit.repair.RepairOptions.Declare;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A fix that is a command works when it is pasted: the repair is not refused, and its result has not the finding.
class PastedFixesTest {

    private static final Pattern COMMAND = Pattern.compile("bowline repair \\S+((?: --\\S+| head| embedding)*)$");

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
                Matcher command = COMMAND.matcher(finding.fix());
                assertEquals(finding.fix().contains("bowline repair"), command.find(), finding.fix());
                if (finding.fix().contains("bowline repair")) {
                    commands++;
                    problem(audit.path(), finding, command.group(1))
                            .ifPresent(problem -> wrong.put(cell + " " + finding.code(), problem));
                }
            }
        }

        assertTrue(commands > 1000, "only %d commands".formatted(commands));
        int all = commands;
        assertEquals(Map.of(), wrong, () -> "%d of %d".formatted(wrong.size(), all));
    }

    private static Optional<String> problem(Path checkpoint, Finding finding, String options) {
        try {
            TieAudit after = Repair.plan(checkpoint, parsed(options)).after();
            boolean mayStay = Findings.STAY.contains(finding.code());
            return after.has(finding.code()) && !mayStay
                    ? Optional.of("left by" + options + ": " + finding.fix())
                    : Optional.empty();
        } catch (BowlineException e) {
            return Optional.of(e.problem() + " <- " + finding.fix());
        }
    }

    private static RepairOptions parsed(String options) {
        Optional<Role> keep = options.contains("--keep head")
                ? Optional.of(Role.HEAD)
                : options.contains("--keep embedding") ? Optional.of(Role.EMBEDDING) : Optional.empty();
        Optional<Declare> declare = options.contains("--tied")
                ? Optional.of(Declare.TIED)
                : options.contains("--untie") ? Optional.of(Declare.UNTIED) : Optional.empty();
        return new RepairOptions(keep, declare);
    }
}
