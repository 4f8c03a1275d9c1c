package dev.bowline.audit.findings;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.fixtures.Golden;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Findings about what the two tensors are: each has a checkpoint that has it and a near miss that has not.
class PairFindingsTest {

    private static final SafetensorsType F32 = SafetensorsType.F32;

    private final Findings findings;
    private final Path temporary;

    PairFindingsTest(@TempDir Path temporary) {
        this.temporary = temporary;
        findings = new Findings(temporary);
    }

    @Test
    void aTiedCheckpointAndAnUntiedOneAreClean() throws IOException {
        assertEquals(
                Set.of(),
                Findings.codes(findings.audit(CheckpointFixture.llama("true").embedding(E))));
        assertEquals(
                Set.of(),
                Findings.codes(findings.audit(
                        CheckpointFixture.llama("false").embedding(E).head(H))));
        assertEquals(
                Set.of(),
                Findings.codes(findings.audit(
                        CheckpointFixture.llama("false").embedding(E).head(H).sharded())));
    }

    @Test
    void t01DivergedPairUnderATiedFlag() throws IOException {
        findings.require(
                FindingCode.T01,
                Severity.CRITICAL,
                CheckpointFixture.llama("true").embedding(E).head(H),
                CheckpointFixture.llama("true").embedding(E).head(E));

        TieAudit audit =
                findings.audit(CheckpointFixture.llama("true").embedding(E).head(Findings.changedRows(E, 30)));

        PhysicalState.Difference difference = audit.state().difference().orElseThrow();
        assertEquals(2, difference.differing());
        assertEquals(30, difference.firstRow());
        assertEquals(1, difference.largest(), 1e-6);
    }

    @Test
    void t02HeadMissing() throws IOException {
        findings.require(
                FindingCode.T02,
                Severity.CRITICAL,
                CheckpointFixture.llama("false").embedding(E),
                CheckpointFixture.llama("false").embedding(E).head(H));

        Path directory = CheckpointFixture.llama("false").embedding(E).write(temporary.resolve("sentences"));
        Files.writeString(directory.resolve("modules.json"), "[]");
        Finding finding = findings.audit(directory).findings().getFirst();
        assertEquals(FindingCode.T02, finding.code());
        assertEquals(Severity.LOW, finding.severity());
    }

    @Test
    void t02bAndT02cMissingEmbedding() throws IOException {
        findings.require(
                FindingCode.T02B,
                Severity.CRITICAL,
                CheckpointFixture.llama("true"),
                CheckpointFixture.llama("true").embedding(E));
        findings.require(
                FindingCode.T02C,
                Severity.CRITICAL,
                CheckpointFixture.llama("false").head(H),
                CheckpointFixture.llama("true").head(H));
    }

    @Test
    void t05RedundantHead() throws IOException {
        findings.require(
                FindingCode.T05,
                Severity.MEDIUM,
                CheckpointFixture.llama("true").embedding(E).head(E),
                CheckpointFixture.llama("false").embedding(E).head(E));
        findings.require(
                FindingCode.T05,
                Severity.MEDIUM,
                CheckpointFixture.llama("true").embedding(E).head(E).sharded(),
                CheckpointFixture.llama("true").embedding(E).sharded());
    }

    @Test
    void t06NearlyEqual() throws IOException {
        findings.require(
                FindingCode.T06,
                Severity.HIGH,
                CheckpointFixture.llama("true")
                        .with("model.embed_tokens.weight", F32, 256, WIDTH, E)
                        .with("lm_head.weight", F32, 256, WIDTH, Findings.changedRows(E, 254)),
                CheckpointFixture.llama("true")
                        .with("model.embed_tokens.weight", F32, 256, WIDTH, E)
                        .with("lm_head.weight", F32, 256, WIDTH, Findings.changedRows(E, 200)));
        findings.require(
                FindingCode.T06,
                Severity.HIGH,
                CheckpointFixture.llama("true").embedding(E).head((i, j) -> Math.nextUp((float) E.at(i, j))),
                CheckpointFixture.llama("true")
                        .embedding(E)
                        .head((i, j) -> Math.nextUp(Math.nextUp((float) E.at(i, j)))));
    }

    @Test
    void t07InvertedTie() throws IOException {
        findings.require(
                FindingCode.T07,
                Severity.CRITICAL,
                CheckpointFixture.llama("true").head(E),
                CheckpointFixture.llama("true").embedding(E));
    }

    @Test
    void t09SliceAndShapes() throws IOException {
        findings.require(
                FindingCode.T09,
                Severity.HIGH,
                CheckpointFixture.llama("true").embedding(E).with("lm_head.weight", F32, 24, WIDTH, E),
                CheckpointFixture.llama("true").embedding(E).with("lm_head.weight", F32, 32, WIDTH, E));
        TieAudit slice =
                findings.audit(CheckpointFixture.llama("true").embedding(E).with("lm_head.weight", F32, 24, WIDTH, E));
        assertEquals(PhysicalState.Kind.SLICE_EQUAL, slice.state().kind());
        assertEquals(24, slice.state().slice().orElseThrow().rows());
        assertEquals(
                PhysicalState.Kind.SHAPE_MISMATCH,
                findings.audit(CheckpointFixture.llama("true").embedding(E).with("lm_head.weight", F32, 24, WIDTH, H))
                        .state()
                        .kind());
    }

    /// transformers and bitsandbytes wrote the fixtures; their head and embedding are not quantised.
    @ParameterizedTest
    @ValueSource(strings = {"llama_nf4", "llama_nf4_nested", "llama_int8"})
    void aCheckpointOfBitsAndBytesIsCleanAndT11WithAQuantisedHead(String fixture) throws IOException {
        Path stored = Golden.directory("quantization", fixture);
        assertEquals(Set.of(), Findings.codes(TieAudit.of(stored)));
        assertEquals(PhysicalState.Kind.BOTH_DIFFER, TieAudit.of(stored).state().kind());

        Path edited = Files.createDirectories(temporary.resolve(fixture));
        String config = Files.readString(stored.resolve("config.json"));
        Files.writeString(
                edited.resolve("config.json"),
                config.replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true"));
        String linear = "model.layers.0.self_attn.q_proj.";
        try (SafetensorsFile file = SafetensorsFile.open(stored.resolve("model.safetensors"))) {
            List<TensorSource> tensors = new ArrayList<>();
            for (String name : file.entries().keySet()) {
                TensorSource tensor = TensorSource.of(file, name);
                if (!name.equals("lm_head.weight")) {
                    tensors.add(tensor);
                }
                if (name.startsWith(linear)) {
                    tensors.add(new TensorSource(
                            name.replace(linear, "lm_head."), tensor.type(), tensor.shape(), tensor.content()));
                }
            }
            SafetensorsWriter.write(edited.resolve("model.safetensors"), tensors);
        }

        TieAudit audit = TieAudit.of(edited);
        assertEquals(PhysicalState.Kind.QUANTISED, audit.state().kind());
        assertTrue(audit.has(FindingCode.T11), () -> audit.findings().toString());
    }

    @Test
    void t11OneSideQuantised() throws IOException {
        findings.require(
                FindingCode.T11,
                Severity.CRITICAL,
                CheckpointFixture.llama("true")
                        .embedding(E)
                        .with("lm_head.qweight", SafetensorsType.I32, 4, 32, (i, j) -> i + j)
                        .with("lm_head.scales", SafetensorsType.F16, 1, 32, (_, _) -> 1),
                CheckpointFixture.llama("false")
                        .embedding(E)
                        .with("lm_head.qweight", SafetensorsType.I32, 4, 32, (i, j) -> i + j)
                        .with("lm_head.scales", SafetensorsType.F16, 1, 32, (_, _) -> 1));
        for (String part : new String[] {"weight.absmax", "SCB", "weight_scale"}) {
            assertTrue(
                    findings.audit(CheckpointFixture.llama("true")
                                    .embedding(E)
                                    .with("lm_head.weight", SafetensorsType.I8, ROWS, WIDTH, (i, j) -> i + j)
                                    .with("lm_head." + part, F32, ROWS, 1, (_, _) -> 1))
                            .has(FindingCode.T11),
                    part);
        }
    }

    @Test
    void t14UntiedAndIdentical() throws IOException {
        findings.require(
                FindingCode.T14,
                Severity.LOW,
                CheckpointFixture.llama("false").embedding(E).head(E),
                CheckpointFixture.llama("false").embedding(E).head(H));
    }

    @Test
    void t17GroupsOfMoreThanTwo() throws IOException {
        String config = """
                {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": 32,
                 "tie_word_embeddings": true}""";
        findings.require(
                FindingCode.T17,
                Severity.HIGH,
                new CheckpointFixture(config).head(E),
                new CheckpointFixture(config).with("shared.weight", F32, ROWS, WIDTH, E));
        findings.require(
                FindingCode.T17,
                Severity.HIGH,
                new CheckpointFixture(config)
                        .with("shared.weight", F32, ROWS, WIDTH, E)
                        .with("encoder.embed_tokens.weight", F32, ROWS, WIDTH, H),
                new CheckpointFixture(config)
                        .with("shared.weight", F32, ROWS, WIDTH, E)
                        .with("encoder.embed_tokens.weight", F32, ROWS, WIDTH, E));
    }

    @Test
    void t20BiasOfATiedHead() throws IOException {
        findings.require(
                FindingCode.T20,
                Severity.LOW,
                CheckpointFixture.llama("true").embedding(E).with("lm_head.bias", F32, ROWS, 1, (_, _) -> 0),
                CheckpointFixture.llama("false").embedding(E).head(H).with("lm_head.bias", F32, ROWS, 1, (_, _) -> 0));
    }

    @Test
    void t21TypesDiffer() throws IOException {
        SafetensorsType narrow = SafetensorsType.BF16;
        findings.require(
                FindingCode.T21,
                Severity.MEDIUM,
                CheckpointFixture.llama("true")
                        .with("model.embed_tokens.weight", narrow, ROWS, WIDTH, E)
                        .head((i, j) -> E.at(i, j) * (1 + 1e-6)),
                CheckpointFixture.llama("true")
                        .with("model.embed_tokens.weight", narrow, ROWS, WIDTH, E)
                        .head((i, j) -> E.at(i, j) + 0.1));
    }
}
