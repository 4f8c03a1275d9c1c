package dev.bowline.audit.findings;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.safetensors.SafetensorsType.F32;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.AuditSchemaTest;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// An adapter that a loader would take without a message, and that is not this base model's or does nothing, is found
/// by its names, shapes and values. The names are those that PEFT 0.21 writes.
class AdapterFindingsTest {

    private static final String Q = "model.layers.0.self_attn.q_proj";
    private static final String PREFIX = "base_model.model.";
    private static final String LORA = "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4%s}";

    @TempDir
    private Path temporary;

    private Path base;
    private int written;

    @BeforeEach
    void writeBase() throws IOException {
        base = CheckpointFixture.llama("true")
                .embedding(E)
                .with(Q + ".weight", F32, 12, 8, E)
                .write(temporary.resolve("base"));
    }

    private static CheckpointFixture lora(String module, CheckpointFixture.Values b) {
        return CheckpointFixture.llama("")
                .complete()
                .with(PREFIX + module + ".lora_A.weight", F32, 2, 8, E)
                .with(PREFIX + module + ".lora_B.weight", F32, 12, 2, b);
    }

    private TieAudit audit(CheckpointFixture tensors, String more) throws IOException {
        Path adapter = tensors.write(temporary.resolve("adapter" + written++));
        Files.move(adapter.resolve("model.safetensors"), adapter.resolve("adapter_model.safetensors"));
        Files.delete(adapter.resolve("config.json"));
        Files.writeString(adapter.resolve("adapter_config.json"), LORA.formatted(more));
        return AuditSchemaTest.requireDescribed(
                TieAudit.of(base, new AuditOptions(Optional.empty(), Optional.of(adapter))));
    }

    private void require(FindingCode code, Severity severity, String what, TieAudit audit) {
        assertEquals(Set.of(code), Findings.codes(audit), audit.findings().toString());
        Finding finding = audit.findings().getFirst();
        assertEquals(severity, finding.severity(), finding.what());
        assertTrue(finding.what().contains(what), finding.what());
    }

    @Test
    void anAdapterOfTheBaseHasNoFinding() throws IOException {
        assertEquals(Set.of(), Findings.codes(audit(lora(Q, H), "")));
        assertEquals(
                Set.of(),
                Findings.codes(audit(
                        lora(Q, H).with(PREFIX + Q + ".lora_magnitude_vector", F32, 12, 1, E),
                        ", \"use_dora\": true")));
    }

    @Test
    void aPrefixThatNamesNoModuleHasNoEffect() throws IOException {
        TieAudit audit = audit(lora(Q.replace("model.", "model.language_model."), H), "");

        require(FindingCode.T27, Severity.CRITICAL, "loaded, it has no effect", audit);
        assertTrue(
                audit.findings().getFirst().fix().toString().contains("the base calls"),
                audit.findings().toString());
    }

    @Test
    void oneModuleThatTheBaseLacksIsNamed() throws IOException {
        CheckpointFixture both = lora(Q, H)
                .with(PREFIX + "model.layers.9.self_attn.q_proj.lora_A.weight", F32, 2, 8, E)
                .with(PREFIX + "model.layers.9.self_attn.q_proj.lora_B.weight", F32, 12, 2, H);

        require(FindingCode.T27, Severity.HIGH, "lacks 1 of the 2 modules", audit(both, ""));
    }

    @Test
    void aRankThatIsNotTheConfigsIsAnotherScale() throws IOException {
        CheckpointFixture wide = CheckpointFixture.llama("")
                .complete()
                .with(PREFIX + Q + ".lora_A.weight", F32, 4, 8, E)
                .with(PREFIX + Q + ".lora_B.weight", F32, 12, 4, H);

        require(FindingCode.T28, Severity.CRITICAL, "says r 2, and 1 modules have another rank", audit(wide, ""));
        require(
                FindingCode.T28,
                Severity.CRITICAL,
                "which vLLM, llama.cpp and Ollama do not read",
                audit(wide, ", \"rank_pattern\": {\"q_proj\": 4}"));
        require(FindingCode.T28, Severity.CRITICAL, "sqrt(r)", audit(lora(Q, H), ", \"use_rslora\": true"));
    }

    @Test
    void groupedExpertsAreReadByNobody() throws IOException {
        CheckpointFixture grouped = lora(Q, H)
                .with(PREFIX + "model.layers.0.moe.experts.lora_gate_and_up_A", F32, 4, 8, E)
                .with(PREFIX + "model.layers.0.moe.experts.lora_gate_and_up_B", F32, 4, 8, H);

        require(FindingCode.T29, Severity.CRITICAL, "2 tensors are experts", audit(grouped, ""));
    }

    @Test
    void aZeroSecondMatrixChangesNothing() throws IOException {
        require(FindingCode.T30, Severity.CRITICAL, "the adapter changes nothing", audit(lora(Q, (_, _) -> 0), ""));
        require(
                FindingCode.T30,
                Severity.MEDIUM,
                "1 of 2 lora_B are zero",
                audit(
                        lora(Q, H)
                                .with(PREFIX + "model.norm.lora_A.weight", F32, 2, 8, E)
                                .with(PREFIX + "model.norm.lora_B.weight", F32, 12, 2, (_, _) -> 0),
                        ""));
    }

    @Test
    void negativeZerosChangeNothingEither() throws IOException {
        require(FindingCode.T30, Severity.CRITICAL, "the adapter changes nothing", audit(lora(Q, (_, _) -> -0.0), ""));
    }

    @Test
    void oneMatrixWithoutTheOtherHasNoEffect() throws IOException {
        require(
                FindingCode.T30,
                Severity.CRITICAL,
                "1 modules have one of lora_A and lora_B",
                audit(lora(Q, H).with(PREFIX + "model.norm.lora_A.weight", F32, 2, 8, E), ""));
    }

    @Test
    void anAdapterWithoutTensorsIsFound() throws IOException {
        require(
                FindingCode.T31,
                Severity.HIGH,
                "the adapter has no tensors",
                audit(CheckpointFixture.llama("true").complete(), ""));
    }

    @Test
    void namesThatNobodyReadsAreFound() throws IOException {
        require(
                FindingCode.T31,
                Severity.HIGH,
                "do not begin with 'base_model.model.'",
                audit(lora(Q, H).with(Q + ".lora_A.weight", F32, 2, 8, E), ""));
        require(
                FindingCode.T31,
                Severity.HIGH,
                "no reader of adapters knows",
                audit(lora(Q, H).with(PREFIX + Q + ".lora_C", F32, 2, 8, E), ""));
    }

    @Test
    void shapesOfAnotherModelAreFound() throws IOException {
        CheckpointFixture narrow = CheckpointFixture.llama("")
                .complete()
                .with(PREFIX + Q + ".lora_A.weight", F32, 2, 16, E)
                .with(PREFIX + Q + ".lora_B.weight", F32, 12, 2, H);

        require(FindingCode.T32, Severity.HIGH, "1 tensors do not have the shapes", audit(narrow, ""));
    }
}
