package dev.bowline.audit.findings;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.PhysicalState;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Findings about files and names: each has a checkpoint that has it and a near miss that has not.
class FileFindingsTest {

    private static final SafetensorsType F32 = SafetensorsType.F32;

    private final Findings findings;
    private final Path temporary;

    FileFindingsTest(@TempDir Path temporary) {
        this.temporary = temporary;
        findings = new Findings(temporary);
    }

    @Test
    void t08IndexAndShards() throws IOException {
        Path directory = CheckpointFixture.llama("true").embedding(E).sharded().write(temporary.resolve("stale"));
        Path index = directory.resolve("model.safetensors.index.json");
        assertFalse(findings.audit(directory).has(FindingCode.T08));

        JsonObject told = Json.parse(index).asObject();
        JsonObject map = told.requireObject("weight_map");
        Files.writeString(
                index,
                Json.pretty(told.with("weight_map", map.with("lm_head.weight", "model-00002-of-00002.safetensors"))));
        assertTrue(findings.audit(directory).has(FindingCode.T08), "listed, in no shard");

        Files.writeString(index, Json.pretty(told.with("weight_map", map.without("model.embed_tokens.weight"))));
        assertTrue(findings.audit(directory).has(FindingCode.T08), "in a shard, not listed");
    }

    @Test
    void t18AuxiliaryHeads() throws IOException {
        CheckpointFixture hit =
                CheckpointFixture.llama("true").embedding(E).with("mtp.lm_head.weight", F32, ROWS, WIDTH, H);
        findings.require(
                FindingCode.T18,
                Severity.MEDIUM,
                hit,
                CheckpointFixture.llama("true")
                        .embedding(E)
                        .with("model.embed_tokens_per_layer.weight", F32, ROWS, WIDTH, H));
        assertEquals(PhysicalState.Kind.EMBED_ONLY, findings.audit(hit).state().kind());
    }

    @Test
    void t19MetadataAlias() throws IOException {
        findings.require(
                FindingCode.T19,
                Severity.MEDIUM,
                CheckpointFixture.llama("true")
                        .embedding(E)
                        .head(E)
                        .metadata("lm_head.weight", "model.embed_tokens.weight"),
                CheckpointFixture.llama("true").embedding(E).metadata("lm_head.weight", "model.embed_tokens.weight"));
        assertTrue(
                findings.audit(CheckpointFixture.llama("true").embedding(E).metadata("lm_head.weight", "gone.weight"))
                        .has(FindingCode.T19));
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
        Path directory = Files.createDirectories(temporary.resolve("malformed" + findings.next()));
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(text.length).put(text);
        Files.write(directory.resolve("model.safetensors"), file.array());
        Files.writeString(
                directory.resolve("config.json"),
                Json.pretty(JsonObject.of()
                        .with("architectures", JsonValue.of(java.util.List.of(JsonValue.of("LlamaForCausalLM"))))));

        TieAudit audit = findings.audit(directory);

        assertTrue(audit.has(FindingCode.T22), header);
        assertEquals(Optional.of(Severity.HIGH), audit.worst());
    }

    @Test
    void t23UnexpectedPrefix() throws IOException {
        findings.require(
                FindingCode.T23,
                Severity.MEDIUM,
                CheckpointFixture.llama("true").embedding(E).with("decoder.lm_head.weight", F32, ROWS, WIDTH, H),
                CheckpointFixture.llama("true").embedding(E).head(E));
    }
}
