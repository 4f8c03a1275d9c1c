package dev.bowline.audit;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.Remedy;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.report.AuditJson;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What `--json` prints is what docs/audit.schema.json describes. The finding tests and ConsumerMatrixTest ask it of
/// every
/// finding's checkpoint and of every recorded cell.
public class AuditSchemaTest {

    private static final JsonSchema SCHEMA = JsonSchema.ofAudit();

    @TempDir
    private Path temporary;

    /// @return the audit itself
    public static TieAudit requireDescribed(TieAudit audit) {
        requireDescribed(new AuditOutcome.Audited(audit));
        return audit;
    }

    private static void requireDescribed(AuditOutcome outcome) {
        // through text, as a reader gets it
        JsonValue printed = Json.parse(Json.pretty(new AuditJson(Remedy::words).json(List.of(outcome))), "the output");
        assertEquals(List.of(), SCHEMA.problems(printed), () -> outcome.path().toString());
    }

    private AuditOutcome audited(Path path) {
        AuditOutcome outcome = AuditOutcome.of(path, AuditOptions.NONE);
        requireDescribed(outcome);
        return outcome;
    }

    @Test
    void whatCannotBeReadIsDescribed() throws IOException {
        Path empty = Files.createDirectories(temporary.resolve("empty"));
        Path pickles = Files.createDirectories(temporary.resolve("pickles"));
        Files.writeString(pickles.resolve("pytorch_model.bin"), "\u0080");
        Path noObject = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("no-object"));
        Files.writeString(noObject.resolve("config.json"), "[1, 2]");

        for (Path path : List.of(temporary.resolve("absent \"quoted\""), empty, pickles, noObject)) {
            assertEquals(AuditOutcome.UNREADABLE, audited(path).exitCode(), path.toString());
        }
    }

    @Test
    void oddCheckpointsAreDescribed() throws IOException {
        Path file = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("one-file"));
        audited(file.resolve("model.safetensors"));
        Files.delete(file.resolve("config.json"));
        audited(file);
        audited(new CheckpointFixture("{\"architectures\": [\"LlamaModel\"]}")
                .embedding(E)
                .write(temporary.resolve("headless")));
        audited(CheckpointFixture.llama("true")
                .embedding(E)
                .head((i, j) -> i == 0 ? Double.POSITIVE_INFINITY : E.at(i, j))
                .write(temporary.resolve("infinite")));
        audited(CheckpointFixture.llama("true")
                .embedding(E)
                .with("lm_head.qweight", SafetensorsType.I32, 4, ROWS, (i, j) -> i + j)
                .write(temporary.resolve("quantised")));
        audited(CheckpointFixture.llama("true")
                .embedding(E)
                .with("lm_head.weight", SafetensorsType.F32, 24, WIDTH, E)
                .write(temporary.resolve("slice")));
        Path malformed = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("malformed"));
        byte[] bytes = Files.readAllBytes(malformed.resolve("model.safetensors"));
        Files.write(malformed.resolve("model.safetensors"), java.util.Arrays.copyOf(bytes, bytes.length - 1));
        assertTrue(audited(malformed) instanceof AuditOutcome.Audited);
    }

    @Test
    void baseAndAdapterAreDescribed() throws IOException {
        Path base = CheckpointFixture.llama("true").embedding(E).write(temporary.resolve("base"));
        Path merged = CheckpointFixture.llama("true").embedding(E).head(H).write(temporary.resolve("merged"));
        Path adapter = Files.createDirectories(temporary.resolve("adapter"));
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"target_modules\": [\"lm_head\"]}");

        AuditOutcome outcome = AuditOutcome.of(base, new AuditOptions(Optional.of(merged), Optional.of(adapter)));

        requireDescribed(outcome);
        assertTrue(outcome instanceof AuditOutcome.Audited audited
                && audited.audit().has(FindingCode.T12));
    }

    /// The schema has teeth: each of these changes to a valid document is seen.
    @Test
    void whatIsNotDescribedIsFound() throws IOException {
        Path path = CheckpointFixture.llama("true").embedding(E).head(H).write(temporary.resolve("valid"));
        JsonObject audit = new AuditJson(Remedy::words)
                .json(List.of(AuditOutcome.of(path, AuditOptions.NONE)))
                .requireArray("audits")
                .objects()
                .getFirst();
        JsonObject state = audit.requireObject("state");

        assertEquals(List.of(), problems(audit));
        for (JsonObject wrong : List.of(
                audit.with("more", 1L),
                audit.without("verdict"),
                audit.with("worst", "bad"),
                audit.with("readable", "true"),
                audit.with("state", state.with("kind", "odd")),
                audit.with("state", state.with("rows", 1.5)),
                audit.with("flags", audit.requireObject("pair")),
                audit.with(
                        "findings",
                        JsonValue.of(List.of(audit.requireArray("findings")
                                .objects()
                                .getFirst()
                                .with("code", "T1")))))) {
            assertTrue(!problems(wrong).isEmpty(), () -> Json.compact(wrong));
        }
    }

    private static List<String> problems(JsonObject audit) {
        return SCHEMA.problems(JsonObject.of().with("schema_version", 1).with("audits", JsonValue.of(List.of(audit))));
    }
}
