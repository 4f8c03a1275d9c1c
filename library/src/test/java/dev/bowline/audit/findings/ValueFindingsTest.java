package dev.bowline.audit.findings;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Findings about values alone: each has a checkpoint that has it and a near miss that has not.
class ValueFindingsTest {

    private static final SafetensorsType F32 = SafetensorsType.F32;

    private final Findings findings;

    ValueFindingsTest(@TempDir Path temporary) {
        findings = new Findings(temporary);
    }

    @Test
    void t15DeadOrRandomHead() throws IOException {
        Random random = new Random(7);
        findings.require(
                FindingCode.T15,
                Severity.CRITICAL,
                CheckpointFixture.llama("false").embedding(E).head((_, _) -> 0),
                CheckpointFixture.llama("false").embedding(E).head((i, j) -> i == 3 && j == 3 ? 1 : 0));
        findings.require(
                FindingCode.T15,
                Severity.CRITICAL,
                CheckpointFixture.llama("true")
                        .with("model.embed_tokens.weight", F32, 1024, 64, E)
                        .with("lm_head.weight", F32, 1024, 64, (_, _) -> random.nextGaussian() * 0.02),
                CheckpointFixture.llama("true")
                        .with("model.embed_tokens.weight", F32, 1024, 64, E)
                        .with("lm_head.weight", F32, 1024, 64, (i, _) -> random.nextGaussian() * 0.02 * (1 + i % 7)));
    }

    @Test
    void t16DamagedRows() throws IOException {
        findings.require(
                FindingCode.T16,
                Severity.MEDIUM,
                CheckpointFixture.llama("true").embedding((i, j) -> i == 5 ? 0 : E.at(i, j)),
                CheckpointFixture.llama("true").embedding((i, j) -> i == 5 && j > 0 ? 0 : E.at(i, j) + 0.001));
        findings.require(
                FindingCode.T16,
                Severity.MEDIUM,
                padded(6).embedding((i, j) -> i == 5 ? 0 : E.at(i, j) + 0.001),
                padded(5).embedding((i, j) -> i == 5 ? 0 : E.at(i, j) + 0.001));
        findings.require(
                FindingCode.T16,
                Severity.MEDIUM,
                padded(5).embedding((i, j) -> i == 5 ? Double.NaN : E.at(i, j) + 0.001),
                padded(5).embedding((i, j) -> i == 5 ? 0 : E.at(i, j) + 0.001));
        for (SafetensorsType type :
                new SafetensorsType[] {SafetensorsType.F64, F32, SafetensorsType.F16, SafetensorsType.BF16}) {
            for (int width : new int[] {8, 7}) {
                TieAudit audit = findings.audit(CheckpointFixture.llama("true")
                        .with(
                                "model.embed_tokens.weight",
                                type,
                                ROWS,
                                width,
                                (i, j) -> i == 9 && j == 6 ? Double.NaN : E.at(i, j) + 0.001));
                String what = audit.findings().stream()
                        .filter(finding -> finding.code() == FindingCode.T16)
                        .map(finding -> finding.evidence().getFirst().value())
                        .collect(Collectors.joining());
                assertEquals("[9]", what, type + " " + width);
            }
        }
    }

    private static CheckpointFixture padded(int paddingId) {
        CheckpointFixture fixture = CheckpointFixture.llama("true");
        return fixture.config(fixture.config().with("pad_token_id", paddingId));
    }

    /// As NeMo AutoModel's export of a Gemma 4 writes them.
    @Test
    void t33ScalesOfExpertsThatAreOnes() throws IOException {
        String scale = "model.layers.0.router.per_expert_scale";

        assertTrue(findings.audit(CheckpointFixture.llama("true")
                        .embedding(E)
                        .with(scale, SafetensorsType.BF16, 4, 1, (_, _) -> 1))
                .has(FindingCode.T33));
        assertFalse(findings.audit(CheckpointFixture.llama("true")
                        .embedding(E)
                        .with(scale, SafetensorsType.BF16, 4, 1, (i, _) -> 1 + i))
                .has(FindingCode.T33));
    }
}
