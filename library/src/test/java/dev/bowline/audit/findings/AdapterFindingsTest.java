package dev.bowline.audit.findings;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.safetensors.SafetensorsType.F32;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.Remedy;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.AuditSchemaTest;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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

    /// A wrapper's class in vLLM binds model.language_model. alone; transformers 4 gave it other names.
    @Test
    void aPrefixThatVllmDoesNotBindIsFound() throws IOException {
        base = new CheckpointFixture("""
                {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "tie_word_embeddings": true,
                 "text_config": {"vocab_size": 32}}""")
                .with("language_model.model.embed_tokens.weight", F32, 32, 8, E)
                .with("language_model." + Q + ".weight", F32, 12, 8, E)
                .write(temporary.resolve("wrapper"));

        TieAudit old = audit(lora("language_model." + Q, H), "");
        TieAudit current = audit(lora(Q.replace("model.", "model.language_model."), H), "");

        assertTrue(
                old.findings().stream()
                        .anyMatch(finding -> finding.code() == FindingCode.T27
                                && finding.what().contains("has none of the names of 1 modules")),
                old.findings().toString());
        assertFalse(current.has(FindingCode.T27), current.findings().toString());
    }

    @Test
    void trainedModulesWithoutValuesAreFound() throws IOException {
        require(
                FindingCode.T35,
                Severity.CRITICAL,
                "names 1 trained modules",
                audit(lora(Q, H), ", \"modules_to_save\": [\"norm\"]"));
        require(
                FindingCode.T35,
                Severity.CRITICAL,
                "names 1 trained modules",
                audit(lora("model.layers.1.self_attn.k_proj", H), ", \"target_modules\": [\"q_proj\"]", "k_proj"));
        assertEquals(
                Set.of(),
                Findings.codes(audit(
                        lora(Q, H).with(PREFIX + "model.layers.0.input_layernorm.weight", F32, 1, 8, E),
                        ", \"modules_to_save\": [\"input_layernorm\"], \"target_modules\": [\"q_proj\"]",
                        "input_layernorm")));
    }

    @Test
    void bowlineRefusesAnAdapterWithoutTheValuesOfATrainedModule() throws IOException {
        AdapterView bowline = audit(lora(Q, H), ", \"target_modules\": [\"q_proj\"], \"modules_to_save\": [\"norm\"]")
                .merge()
                .orElseThrow()
                .readers()
                .getFirst();

        assertEquals(AdapterReader.BOWLINE, bowline.reader());
        assertEquals(AdapterView.Outcome.REFUSED, bowline.outcome());
        assertEquals("trained values are not in the file", bowline.why());
    }

    /// The base with a further module, so that the adapter's names are all there.
    private TieAudit audit(CheckpointFixture tensors, String more, String module) throws IOException {
        base = CheckpointFixture.llama("true")
                .embedding(E)
                .with(Q + ".weight", F32, 12, 8, E)
                .with("model.layers.1.self_attn.k_proj.weight", F32, 12, 8, E)
                .with("model.layers.0.input_layernorm.weight", F32, 1, 8, E)
                .write(temporary.resolve("base-with-" + module));
        return audit(tensors, more);
    }

    @Test
    void aVocabularyOfOtherRowsIsFound() throws IOException {
        TieAudit audit = audit(
                lora(Q, H).with(PREFIX + "model.embed_tokens.weight", F32, 40, 8, E),
                ", \"modules_to_save\": [\"embed_tokens\"], \"ensure_weight_tying\": true");

        assertTrue(audit.has(FindingCode.T36), audit.findings().toString());
        assertFalse(audit.has(FindingCode.T32), audit.findings().toString());
    }

    @Test
    void aRecordOfAnotherBaseAndOfAnotherTieIsFound() throws IOException {
        Path other = CheckpointFixture.llama("true")
                .embedding(H)
                .with(Q + ".weight", F32, 12, 8, E)
                .write(temporary.resolve("other"));

        TieAudit wrongBase = recorded(other, TieMode.UNCHOSEN);
        TieAudit apart = recorded(base, TieMode.UNTIE);
        TieAudit own = recorded(base, TieMode.UNCHOSEN);

        require(FindingCode.T37, Severity.HIGH, "'model.embed_tokens.weight' is", wrongBase);
        require(FindingCode.T38, Severity.HIGH, "tie mode untie", apart);
        assertEquals(
                List.of(new Remedy.MergeAdapter(
                        Optional.of(base), apart.merge().orElseThrow().adapter())),
                apart.findings().getFirst().fix().remedies());
        assertEquals(Set.of(), Findings.codes(own));
    }

    private TieAudit recorded(Path trainedOn, TieMode mode) throws IOException {
        Path plain = lora(Q, H).write(temporary.resolve("plain" + written));
        Path adapter = temporary.resolve("recorded" + written++);
        try (WeightFiles weights = WeightFiles.open(trainedOn);
                SafetensorsFile file = SafetensorsFile.open(plain.resolve("model.safetensors"))) {
            AdapterFiles.write(
                    adapter,
                    LoraConfig.of(2, 4, new ModulePatterns.Named(List.of("q_proj"))),
                    AdapterRecord.of("base", BaseIdentity.of(weights), mode),
                    file.entries().keySet().stream()
                            .filter(key -> key.contains("lora_"))
                            .map(key -> TensorSource.of(file, key))
                            .toList());
        }
        return AuditSchemaTest.requireDescribed(
                TieAudit.of(base, new AuditOptions(Optional.empty(), Optional.of(adapter))));
    }
}
