package dev.bowline.audit.findings;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.AuditSchemaTest;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.repair.Repair;
import dev.bowline.audit.repair.RepairOptions;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// Writes the checkpoints of the finding tests and judges their audits.
public final class Findings {

    private static final SafetensorsType F32 = SafetensorsType.F32;

    private final Path temporary;
    private int written;

    Findings(Path temporary) {
        this.temporary = temporary;
    }

    /// A number that no directory has yet.
    int next() {
        return written++;
    }

    /// The first checkpoint has the finding, and what its fix says ends it; the near miss has it not.
    void require(FindingCode code, Severity severity, CheckpointFixture hit, CheckpointFixture miss)
            throws IOException {
        TieAudit found = audit(hit);
        assertEquals(
                Optional.of(severity),
                found.findings().stream()
                        .filter(finding -> finding.code() == code)
                        .map(Finding::severity)
                        .findFirst(),
                () -> found.findings().toString());
        requirePastedRepairEnds(code, found);
        TieAudit clean = audit(miss);
        assertFalse(clean.has(code), () -> clean.findings().toString());
    }

    /// What a repair that says untied leaves as it is: two nearly equal values, two shapes.
    static final Set<FindingCode> STAY = Set.of(FindingCode.T06, FindingCode.T09);

    /// A finding whose fix is a repair is gone after it.
    private static void requirePastedRepairEnds(FindingCode code, TieAudit found) {
        boolean repairs = found.findings().stream()
                .anyMatch(finding -> finding.code() == code && finding.fix().isOperation());
        if (repairs && !STAY.contains(code)) {
            TieAudit after = Repair.plan(found.path(), RepairOptions.LOSSLESS).after();
            assertFalse(after.has(code), () -> after.findings().toString());
        }
    }

    TieAudit audit(CheckpointFixture fixture) throws IOException {
        return audit(fixture.write(temporary.resolve("checkpoint" + next())));
    }

    TieAudit audit(Path path) {
        return AuditSchemaTest.requireDescribed(TieAudit.of(path));
    }

    TieAudit with(Path checkpoint, Path adapter) {
        return AuditSchemaTest.requireDescribed(
                TieAudit.of(checkpoint, new AuditOptions(Optional.empty(), Optional.of(adapter))));
    }

    public static CheckpointFixture nested(String top, String text) {
        return new CheckpointFixture("""
                {"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3"%s,
                 "text_config": {"vocab_size": 32%s}}""".formatted(flag(top), flag(text)))
                .with("language_model.model.embed_tokens.weight", F32, ROWS, WIDTH, E);
    }

    private static String flag(String value) {
        return value.isEmpty() ? "" : ", \"tie_word_embeddings\": " + value;
    }

    public static CheckpointFixture.Values changedRows(CheckpointFixture.Values values, int from) {
        return (i, j) -> values.at(i, j) + (i >= from ? 1 : 0);
    }

    public static Set<FindingCode> codes(TieAudit audit) {
        return audit.findings().stream().map(Finding::code).collect(Collectors.toSet());
    }
}
