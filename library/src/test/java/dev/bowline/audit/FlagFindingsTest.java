package dev.bowline.audit;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.JsonLocation;
import dev.bowline.json.JsonNumber;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
