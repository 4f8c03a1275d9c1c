package dev.bowline.audit;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Findings against a base or an adapter: each has a checkpoint that has it and a near miss that has not.
class ComparisonFindingsTest {

    private final Findings findings;
    private final Path temporary;

    ComparisonFindingsTest(@TempDir Path temporary) {
        this.temporary = temporary;
        findings = new Findings(temporary);
    }

    @Test
    void t12AdapterOnATiedBase() throws IOException {
        Path tied = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("tied"));
        Path untied = CheckpointFixture.llama("false").embedding(E).head(H).write(temporary.resolve("untied"));
        Path onHead = adapter("[\"q_proj\", \"lm_head\"]");
        Path elsewhere = adapter("[\"q_proj\"]");

        assertTrue(findings.with(tied, onHead).has(FindingCode.T12));
        assertFalse(findings.with(tied, elsewhere).has(FindingCode.T12));
        assertFalse(findings.with(untied, onHead).has(FindingCode.T12));
    }

    private Path adapter(String modules) throws IOException {
        Path adapter = Files.createDirectories(temporary.resolve("adapter" + findings.next()));
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"target_modules\": %s}".formatted(modules));
        return adapter;
    }

    @Test
    void t13AndT26AgainstTheBase() throws IOException {
        Path base = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("base"));
        Path merged = CheckpointFixture.llama("true").embedding(E).head(H).write(temporary.resolve("merged"));
        Path same = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("same"));

        TieAudit audit = TieAudit.of(merged, new AuditOptions(Optional.of(base), Optional.empty()));
        TieAudit clean = TieAudit.of(same, new AuditOptions(Optional.of(base), Optional.empty()));

        Finding finding = audit.findings().stream()
                .filter(each -> each.code() == FindingCode.T13)
                .findFirst()
                .orElseThrow();
        assertTrue(finding.what().startsWith("the head moved"), finding.what());
        assertTrue(audit.has(FindingCode.T26));
        assertEquals(Set.of(), Findings.codes(clean));
    }
}
