package dev.bowline.audit.findings;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.safetensors.SafetensorsType;
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

    /// As peft 0.21 merges into a tied Llama, with transformers 4.57.6 as with 5.18.0.
    @Test
    void aMergeIsForeseenAsPeftDoesIt() throws IOException {
        Path tied = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("tied"));
        String head = "base_model.model.lm_head.weight";
        String embedding = "base_model.model.model.embed_tokens.weight";

        requireMerge(tied, saved("{\"modules_to_save\": [\"lm_head\"]}", head), Severity.CRITICAL, "gives two values");
        requireMerge(
                tied,
                saved("{\"modules_to_save\": [\"embed_tokens\"]}", embedding),
                Severity.CRITICAL,
                "gives two values");
        requireMerge(
                tied,
                saved("{\"modules_to_save\": [\"lm_head\"], \"ensure_weight_tying\": true}", head, embedding),
                Severity.LOW,
                "gives one value");
        requireMerge(
                tied,
                saved(
                        "{\"target_modules\": [\"lm_head\"]}",
                        "base_model.model.lm_head.base_layer.weight",
                        "base_model.model.lm_head.lora_A.weight"),
                Severity.CRITICAL,
                "changes the input embedding too");
        requireMerge(
                tied,
                saved(
                        "{\"target_modules\": [\"lm_head\", \"embed_tokens\"]}",
                        "base_model.model.lm_head.lora_A.weight"),
                Severity.CRITICAL,
                "adds both deltas");
        requireMerge(
                tied,
                saved(
                        "{\"target_modules\": [\"q_proj\"], \"trainable_token_indices\": [3, 5]}",
                        "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"),
                Severity.LOW,
                "gives one value");
    }

    private void requireMerge(Path base, Path adapter, Severity severity, String effect) {
        TieAudit audit = TieAudit.of(base, new AuditOptions(Optional.empty(), Optional.of(adapter)));

        assertEquals(Optional.of(severity), audit.worst(), effect);
        String said = audit.merge().orElseThrow().effect();
        assertTrue(said.contains(effect), said);
    }

    private Path saved(String config, String... tensors) throws IOException {
        CheckpointFixture weights = CheckpointFixture.llama("").complete();
        for (String name : tensors) {
            weights.with(name, SafetensorsType.F32, ROWS, WIDTH, E);
        }
        Path adapter = weights.write(temporary.resolve("adapter" + findings.next()));
        Files.move(adapter.resolve("model.safetensors"), adapter.resolve("adapter_model.safetensors"));
        Files.writeString(adapter.resolve("adapter_config.json"), config);
        return adapter;
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
