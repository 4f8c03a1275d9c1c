package dev.bowline.audit;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every finding has a checkpoint that has it and a near miss that has not.
class FindingsTest {

    private static final SafetensorsType F32 = SafetensorsType.F32;

    @TempDir
    private Path temporary;

    private int written;

    private void requires(FindingCode code, Severity severity, CheckpointFixture hit, CheckpointFixture miss)
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

    /// A finding whose fix is a repair is gone after it; a nearly equal pair stays one when it is untied.
    private static void requirePastedRepairEnds(FindingCode code, TieAudit found) {
        boolean repairs = found.findings().stream()
                .anyMatch(finding -> finding.code() == code && finding.fix().startsWith("bowline repair"));
        if (repairs && code != FindingCode.T06) {
            TieAudit after = Repair.plan(found.path(), RepairOptions.LOSSLESS).after();
            assertFalse(after.has(code), () -> after.findings().toString());
        }
    }

    private TieAudit audit(CheckpointFixture fixture) throws IOException {
        return audit(fixture.write(temporary.resolve("checkpoint" + written++)));
    }

    private static TieAudit audit(Path path) {
        return AuditSchemaTest.requireDescribed(TieAudit.of(path));
    }

    private static CheckpointFixture llama(String flag) {
        return CheckpointFixture.llama(flag);
    }

    private static CheckpointFixture nested(String top, String text) {
        return new CheckpointFixture("""
                {"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3"%s,
                 "text_config": {"vocab_size": 32%s}}""".formatted(flag(top), flag(text)))
                .with("language_model.model.embed_tokens.weight", F32, ROWS, WIDTH, E);
    }

    private static String flag(String value) {
        return value.isEmpty() ? "" : ", \"tie_word_embeddings\": " + value;
    }

    private static CheckpointFixture.Values changedRows(CheckpointFixture.Values values, int from) {
        return (i, j) -> values.at(i, j) + (i >= from ? 1 : 0);
    }

    @Test
    void aTiedCheckpointAndAnUntiedOneAreClean() throws IOException {
        assertEquals(Set.of(), codes(audit(llama("true").embedding(E))));
        assertEquals(Set.of(), codes(audit(llama("false").embedding(E).head(H))));
        assertEquals(Set.of(), codes(audit(llama("false").embedding(E).head(H).sharded())));
    }

    private static Set<FindingCode> codes(TieAudit audit) {
        return audit.findings().stream().map(Finding::code).collect(Collectors.toSet());
    }

    @Test
    void t01DivergedPairUnderATiedFlag() throws IOException {
        requires(
                FindingCode.T01,
                Severity.CRITICAL,
                llama("true").embedding(E).head(H),
                llama("true").embedding(E).head(E));

        TieAudit audit = audit(llama("true").embedding(E).head(changedRows(E, 30)));

        PhysicalState.Difference difference = audit.state().difference().orElseThrow();
        assertEquals(2, difference.differing());
        assertEquals(30, difference.firstRow());
        assertEquals(1, difference.largest(), 1e-6);
    }

    @Test
    void t02HeadMissing() throws IOException {
        requires(
                FindingCode.T02,
                Severity.CRITICAL,
                llama("false").embedding(E),
                llama("false").embedding(E).head(H));

        Path directory = llama("false").embedding(E).write(temporary.resolve("sentences"));
        Files.writeString(directory.resolve("modules.json"), "[]");
        Finding finding = audit(directory).findings().getFirst();
        assertEquals(FindingCode.T02, finding.code());
        assertEquals(Severity.LOW, finding.severity());
    }

    @Test
    void t02bAndT02cMissingEmbedding() throws IOException {
        requires(
                FindingCode.T02B,
                Severity.CRITICAL,
                llama("true"),
                llama("true").embedding(E));
        requires(
                FindingCode.T02C,
                Severity.CRITICAL,
                llama("false").head(H),
                llama("true").head(H));
    }

    @Test
    void t03LevelsDiffer() throws IOException {
        requires(
                FindingCode.T03,
                Severity.CRITICAL,
                nested("true", "false").head(H),
                nested("false", "false").head(H));
        requires(
                FindingCode.T03,
                Severity.HIGH,
                nested("true", "false").head(E),
                nested("true", "true").head(E));
    }

    @Test
    void t04NoFlag() throws IOException {
        requires(
                FindingCode.T04,
                Severity.CRITICAL,
                nested("", "").head(H),
                nested("false", "false").head(H));
        requires(
                FindingCode.T04,
                Severity.HIGH,
                llama("").embedding(E).head(H),
                llama("false").embedding(E).head(H));
    }

    @Test
    void t05RedundantHead() throws IOException {
        requires(
                FindingCode.T05,
                Severity.MEDIUM,
                llama("true").embedding(E).head(E),
                llama("false").embedding(E).head(E));
        requires(
                FindingCode.T05,
                Severity.MEDIUM,
                llama("true").embedding(E).head(E).sharded(),
                llama("true").embedding(E).sharded());
    }

    @Test
    void t06NearlyEqual() throws IOException {
        requires(
                FindingCode.T06,
                Severity.HIGH,
                llama("true")
                        .with("model.embed_tokens.weight", F32, 256, WIDTH, E)
                        .with("lm_head.weight", F32, 256, WIDTH, changedRows(E, 254)),
                llama("true")
                        .with("model.embed_tokens.weight", F32, 256, WIDTH, E)
                        .with("lm_head.weight", F32, 256, WIDTH, changedRows(E, 200)));
        requires(
                FindingCode.T06,
                Severity.HIGH,
                llama("true").embedding(E).head((i, j) -> Math.nextUp((float) E.at(i, j))),
                llama("true").embedding(E).head((i, j) -> Math.nextUp(Math.nextUp((float) E.at(i, j)))));
    }

    @Test
    void t07InvertedTie() throws IOException {
        requires(
                FindingCode.T07,
                Severity.HIGH,
                llama("true").head(E),
                llama("true").embedding(E));
    }

    @Test
    void t08IndexAndShards() throws IOException {
        Path directory = llama("true").embedding(E).sharded().write(temporary.resolve("stale"));
        Path index = directory.resolve("model.safetensors.index.json");
        assertFalse(audit(directory).has(FindingCode.T08));

        JsonObject told = Json.parse(index).asObject();
        JsonObject map = told.requireObject("weight_map");
        Files.writeString(
                index,
                Json.pretty(told.with("weight_map", map.with("lm_head.weight", "model-00002-of-00002.safetensors"))));
        assertTrue(audit(directory).has(FindingCode.T08), "listed, in no shard");

        Files.writeString(index, Json.pretty(told.with("weight_map", map.without("model.embed_tokens.weight"))));
        assertTrue(audit(directory).has(FindingCode.T08), "in a shard, not listed");
    }

    @Test
    void t09SliceAndShapes() throws IOException {
        requires(
                FindingCode.T09,
                Severity.HIGH,
                llama("true").embedding(E).with("lm_head.weight", F32, 24, WIDTH, E),
                llama("true").embedding(E).with("lm_head.weight", F32, 32, WIDTH, E));
        TieAudit slice = audit(llama("true").embedding(E).with("lm_head.weight", F32, 24, WIDTH, E));
        assertEquals(PhysicalState.Kind.SLICE_EQUAL, slice.state().kind());
        assertEquals(24, slice.state().slice().orElseThrow().rows());
        assertEquals(
                PhysicalState.Kind.SHAPE_MISMATCH,
                audit(llama("true").embedding(E).with("lm_head.weight", F32, 24, WIDTH, H))
                        .state()
                        .kind());
    }

    @Test
    void t10Vocabulary() throws IOException {
        CheckpointFixture resized = llama("true").embedding(E);
        requires(
                FindingCode.T10,
                Severity.HIGH,
                resized.config(resized.config().with("vocab_size", 40L)),
                llama("true").embedding(E));

        Path directory = llama("true").embedding(E).write(temporary.resolve("tokens"));
        Files.writeString(directory.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 32}}}");
        assertTrue(audit(directory).has(FindingCode.T10));
        Files.writeString(directory.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 31}}}");
        assertFalse(audit(directory).has(FindingCode.T10));
    }

    @Test
    void t11OneSideQuantised() throws IOException {
        requires(
                FindingCode.T11,
                Severity.HIGH,
                llama("true")
                        .embedding(E)
                        .with("lm_head.qweight", SafetensorsType.I32, 4, 32, (i, j) -> i + j)
                        .with("lm_head.scales", SafetensorsType.F16, 1, 32, (_, _) -> 1),
                llama("false")
                        .embedding(E)
                        .with("lm_head.qweight", SafetensorsType.I32, 4, 32, (i, j) -> i + j)
                        .with("lm_head.scales", SafetensorsType.F16, 1, 32, (_, _) -> 1));
        for (String part : new String[] {"weight.absmax", "SCB", "weight_scale"}) {
            assertTrue(
                    audit(llama("true")
                                    .embedding(E)
                                    .with("lm_head.weight", SafetensorsType.I8, ROWS, WIDTH, (i, j) -> i + j)
                                    .with("lm_head." + part, F32, ROWS, 1, (_, _) -> 1))
                            .has(FindingCode.T11),
                    part);
        }
    }

    @Test
    void t12AdapterOnATiedBase() throws IOException {
        Path tied = llama("true").embedding(E).write(temporary.resolve("tied"));
        Path untied = llama("false").embedding(E).head(H).write(temporary.resolve("untied"));
        Path onHead = adapter("[\"q_proj\", \"lm_head\"]");
        Path elsewhere = adapter("[\"q_proj\"]");

        assertTrue(with(tied, onHead).has(FindingCode.T12));
        assertFalse(with(tied, elsewhere).has(FindingCode.T12));
        assertFalse(with(untied, onHead).has(FindingCode.T12));
    }

    private Path adapter(String modules) throws IOException {
        Path adapter = Files.createDirectories(temporary.resolve("adapter" + written++));
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"target_modules\": %s}".formatted(modules));
        return adapter;
    }

    private static TieAudit with(Path checkpoint, Path adapter) {
        return AuditSchemaTest.requireDescribed(
                TieAudit.of(checkpoint, new AuditOptions(Optional.empty(), Optional.of(adapter))));
    }

    @Test
    void t13AndT26AgainstTheBase() throws IOException {
        Path base = llama("true").embedding(E).write(temporary.resolve("base"));
        Path merged = llama("true").embedding(E).head(H).write(temporary.resolve("merged"));
        Path same = llama("true").embedding(E).write(temporary.resolve("same"));

        TieAudit audit = TieAudit.of(merged, new AuditOptions(Optional.of(base), Optional.empty()));
        TieAudit clean = TieAudit.of(same, new AuditOptions(Optional.of(base), Optional.empty()));

        Finding finding = audit.findings().stream()
                .filter(each -> each.code() == FindingCode.T13)
                .findFirst()
                .orElseThrow();
        assertTrue(finding.what().startsWith("the head moved"), finding.what());
        assertTrue(audit.has(FindingCode.T26));
        assertEquals(Set.of(), codes(clean));
    }

    @Test
    void t14UntiedAndIdentical() throws IOException {
        requires(
                FindingCode.T14,
                Severity.LOW,
                llama("false").embedding(E).head(E),
                llama("false").embedding(E).head(H));
    }

    @Test
    void t15DeadOrRandomHead() throws IOException {
        Random random = new Random(7);
        requires(
                FindingCode.T15,
                Severity.CRITICAL,
                llama("false").embedding(E).head((_, _) -> 0),
                llama("false").embedding(E).head((i, j) -> i == 3 && j == 3 ? 1 : 0));
        requires(
                FindingCode.T15,
                Severity.CRITICAL,
                llama("true")
                        .with("model.embed_tokens.weight", F32, 1024, 64, E)
                        .with("lm_head.weight", F32, 1024, 64, (_, _) -> random.nextGaussian() * 0.02),
                llama("true")
                        .with("model.embed_tokens.weight", F32, 1024, 64, E)
                        .with("lm_head.weight", F32, 1024, 64, (i, _) -> random.nextGaussian() * 0.02 * (1 + i % 7)));
    }

    @Test
    void t16DamagedRows() throws IOException {
        requires(
                FindingCode.T16,
                Severity.MEDIUM,
                llama("true").embedding((i, j) -> i == 5 ? 0 : E.at(i, j)),
                llama("true").embedding((i, j) -> i == 5 && j > 0 ? 0 : E.at(i, j) + 0.001));
        requires(
                FindingCode.T16,
                Severity.MEDIUM,
                padded(6).embedding((i, j) -> i == 5 ? 0 : E.at(i, j) + 0.001),
                padded(5).embedding((i, j) -> i == 5 ? 0 : E.at(i, j) + 0.001));
        requires(
                FindingCode.T16,
                Severity.MEDIUM,
                padded(5).embedding((i, j) -> i == 5 ? Double.NaN : E.at(i, j) + 0.001),
                padded(5).embedding((i, j) -> i == 5 ? 0 : E.at(i, j) + 0.001));
        for (SafetensorsType type :
                new SafetensorsType[] {SafetensorsType.F64, F32, SafetensorsType.F16, SafetensorsType.BF16}) {
            for (int width : new int[] {8, 7}) {
                TieAudit audit = audit(llama("true")
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
        CheckpointFixture fixture = llama("true");
        return fixture.config(fixture.config().with("pad_token_id", paddingId));
    }

    @Test
    void t17GroupsOfMoreThanTwo() throws IOException {
        String config = """
                {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": 32,
                 "tie_word_embeddings": true}""";
        requires(
                FindingCode.T17,
                Severity.HIGH,
                new CheckpointFixture(config).head(E),
                new CheckpointFixture(config).with("shared.weight", F32, ROWS, WIDTH, E));
        requires(
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
    void t18AuxiliaryHeads() throws IOException {
        CheckpointFixture hit = llama("true").embedding(E).with("mtp.lm_head.weight", F32, ROWS, WIDTH, H);
        requires(
                FindingCode.T18,
                Severity.MEDIUM,
                hit,
                llama("true").embedding(E).with("model.embed_tokens_per_layer.weight", F32, ROWS, WIDTH, H));
        assertEquals(PhysicalState.Kind.EMBED_ONLY, audit(hit).state().kind());
    }

    @Test
    void t19MetadataAlias() throws IOException {
        requires(
                FindingCode.T19,
                Severity.MEDIUM,
                llama("true").embedding(E).head(E).metadata("lm_head.weight", "model.embed_tokens.weight"),
                llama("true").embedding(E).metadata("lm_head.weight", "model.embed_tokens.weight"));
        assertTrue(audit(llama("true").embedding(E).metadata("lm_head.weight", "gone.weight"))
                .has(FindingCode.T19));
    }

    @Test
    void t20BiasOfATiedHead() throws IOException {
        requires(
                FindingCode.T20,
                Severity.LOW,
                llama("true").embedding(E).with("lm_head.bias", F32, ROWS, 1, (_, _) -> 0),
                llama("false").embedding(E).head(H).with("lm_head.bias", F32, ROWS, 1, (_, _) -> 0));
    }

    @Test
    void t21TypesDiffer() throws IOException {
        SafetensorsType narrow = SafetensorsType.BF16;
        requires(
                FindingCode.T21,
                Severity.MEDIUM,
                llama("true")
                        .with("model.embed_tokens.weight", narrow, ROWS, WIDTH, E)
                        .head((i, j) -> E.at(i, j) * (1 + 1e-6)),
                llama("true")
                        .with("model.embed_tokens.weight", narrow, ROWS, WIDTH, E)
                        .head((i, j) -> E.at(i, j) + 0.1));
    }

    @Test
    void t22MalformedContainer() throws IOException {
        requires22(
                "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]},"
                        + " \"b\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [2, 6]}}",
                6);
        requires22("{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}", 8);
        requires22(
                "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]},"
                        + " \"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}",
                8);
        requires22("{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}}", 4);
    }

    private void requires22(String header, int dataBytes) throws IOException {
        Path directory = Files.createDirectories(temporary.resolve("malformed" + written++));
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(text.length).put(text);
        Files.write(directory.resolve("model.safetensors"), file.array());
        Files.writeString(
                directory.resolve("config.json"),
                Json.pretty(JsonObject.of()
                        .with("architectures", JsonValue.of(java.util.List.of(JsonValue.of("LlamaForCausalLM"))))));

        TieAudit audit = audit(directory);

        assertTrue(audit.has(FindingCode.T22), header);
        assertEquals(Optional.of(Severity.HIGH), audit.worst());
    }

    @Test
    void t23UnexpectedPrefix() throws IOException {
        requires(
                FindingCode.T23,
                Severity.MEDIUM,
                llama("true").embedding(E).with("decoder.lm_head.weight", F32, ROWS, WIDTH, H),
                llama("true").embedding(E).head(E));
    }

    @Test
    void t24Draft() throws IOException {
        CheckpointFixture draft = llama("true").embedding(E);
        CheckpointFixture right = llama("false").embedding(E).head(H);
        requires(
                FindingCode.T24,
                Severity.HIGH,
                draft.config(draft.config().with("draft_vocab_size", 32L)),
                right.config(right.config().with("draft_vocab_size", 32L)));
    }

    @Test
    void t25Policy() throws IOException {
        String config = "{\"architectures\": [\"GptOssForCausalLM\"], \"vocab_size\": 32, \"tie_word_embeddings\": %s}";
        requires(
                FindingCode.T25,
                Severity.LOW,
                new CheckpointFixture(config.formatted(true)).embedding(E),
                new CheckpointFixture(config.formatted(false)).embedding(E).head(H));
    }
}
