package dev.bowline.audit.findings;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.Outcome;
import dev.bowline.audit.repair.Repair;
import dev.bowline.audit.repair.RepairOptions;
import dev.bowline.json.JsonLocation;
import dev.bowline.json.JsonNumber;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Findings about what config.json says: each has a checkpoint that has it and a near miss that has not.
class FlagFindingsTest {

    private final Findings findings;
    private final Path temporary;

    FlagFindingsTest(@TempDir Path temporary) {
        this.temporary = temporary;
        findings = new Findings(temporary);
    }

    @Test
    void t03LevelsDiffer() throws IOException {
        findings.require(
                FindingCode.T03,
                Severity.CRITICAL,
                Findings.nested("true", "false").head(H),
                Findings.nested("false", "false").head(H));
        findings.require(
                FindingCode.T03,
                Severity.HIGH,
                Findings.nested("true", "false").head(E),
                Findings.nested("true", "true").head(E));
    }

    @Test
    void t04NoFlag() throws IOException {
        findings.require(
                FindingCode.T04,
                Severity.CRITICAL,
                Findings.nested("", "").head(H),
                Findings.nested("false", "false").head(H));
        findings.require(
                FindingCode.T04,
                Severity.HIGH,
                CheckpointFixture.llama("").embedding(E).head(H),
                CheckpointFixture.llama("false").embedding(E).head(H));
    }

    @Test
    void t10Vocabulary() throws IOException {
        CheckpointFixture resized = CheckpointFixture.llama("true").embedding(E);
        findings.require(
                FindingCode.T10,
                Severity.HIGH,
                resized.config(resized.config().with("vocab_size", 40L)),
                CheckpointFixture.llama("true").embedding(E));

        Path directory = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("tokens"));
        Files.writeString(directory.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 32}}}");
        assertTrue(findings.audit(directory).has(FindingCode.T10));
        Files.writeString(directory.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 31}}}");
        assertFalse(findings.audit(directory).has(FindingCode.T10));
    }

    /// What ZeRO-3 and FSDP leave when a model is saved without being gathered.
    @ParameterizedTest
    @ValueSource(strings = {"0", "256", "0, 8", "32, 0"})
    void t10AShapeWithoutRows(String shape) throws IOException {
        List<Long> dimensions =
                Arrays.stream(shape.split(", ")).map(Long::valueOf).toList();
        CheckpointFixture placeholder =
                CheckpointFixture.llama("true").zeros("model.embed_tokens.weight", SafetensorsType.F32, dimensions);

        findings.require(
                FindingCode.T10,
                Severity.HIGH,
                placeholder,
                CheckpointFixture.llama("true").embedding(E));

        Path directory = placeholder.write(temporary.resolve("placeholder"));
        TieAudit audit = findings.audit(directory);
        assertEquals(Set.of(FindingCode.T10), Findings.codes(audit));
        assertTrue(audit.consumers().stream().allMatch(view -> view.outcome() == Outcome.FAILS), audit.verdict());
        assertThrows(BowlineException.class, () -> Repair.plan(directory, RepairOptions.LOSSLESS));
    }

    @Test
    void t10AVocabularyOfAnyLength() throws IOException {
        CheckpointFixture endless = CheckpointFixture.llama("true").embedding(E);
        findings.require(
                FindingCode.T10,
                Severity.HIGH,
                endless.config(
                        endless.config().with("vocab_size", new JsonNumber("1".repeat(40), JsonLocation.built()))),
                CheckpointFixture.llama("true").embedding(E));
    }

    @Test
    void t24Draft() throws IOException {
        CheckpointFixture draft = CheckpointFixture.llama("true").embedding(E);
        CheckpointFixture right = CheckpointFixture.llama("false").embedding(E).head(H);
        findings.require(
                FindingCode.T24,
                Severity.HIGH,
                draft.config(draft.config().with("draft_vocab_size", 32L)),
                right.config(right.config().with("draft_vocab_size", 32L)));
    }

    @Test
    void t25Policy() throws IOException {
        String config = "{\"architectures\": [\"GptOssForCausalLM\"], \"vocab_size\": 32, \"tie_word_embeddings\": %s}";
        findings.require(
                FindingCode.T25,
                Severity.LOW,
                new CheckpointFixture(config.formatted(true)).embedding(E),
                new CheckpointFixture(config.formatted(false)).embedding(E).head(H));
    }
}
