package dev.bowline.audit.repair;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static dev.bowline.audit.CheckpointFixture.ROWS;
import static dev.bowline.audit.CheckpointFixture.WIDTH;
import static dev.bowline.audit.findings.Findings.codes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.audit.findings.Findings;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A repair corrects vocab_size where the rows leave no doubt.
class RepairedVocabularyTest {

    private static final RepairOptions LOSSLESS = RepairOptions.LOSSLESS;

    @TempDir
    private Path temporary;

    @Test
    void theVocabularyIsWhatThereAreRowsFor() throws IOException {
        CheckpointFixture fixture = Findings.nested("true", "true");
        Path source = fixture.config(fixture.config()
                        .with("vocab_size", 40L)
                        .with(
                                "text_config",
                                fixture.config().requireObject("text_config").with("vocab_size", 31L)))
                .write(temporary.resolve("source"));

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(Set.of(), codes(after));
        JsonObject config = Json.parse(source.resolve("config.json")).asObject();
        assertEquals(ROWS, config.requireInt("vocab_size"));
        assertEquals(ROWS, config.requireObject("text_config").requireInt("vocab_size"));
    }

    @Test
    void theVocabularyIsCorrectedWithTheName() throws IOException {
        CheckpointFixture fixture = CheckpointFixture.llama("true").head(E);
        Path source = fixture.config(fixture.config().with("vocab_size", 40L)).write(temporary.resolve("source"));

        TieAudit after = Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(Set.of(), codes(after));
        assertEquals(ROWS, Json.parse(source.resolve("config.json")).asObject().requireInt("vocab_size"));
    }

    /// Rows may be the wrong ones when the tokenizer has more tokens, or the head other rows.
    @Test
    void aVocabularyInDoubtStaysAsItIs() throws IOException {
        Path tokens = CheckpointFixture.llama("").embedding(E).head(H).write(temporary.resolve("tokens"));
        Files.writeString(tokens.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 39}}}");
        JsonObject config = Json.parse(tokens.resolve("config.json")).asObject();
        Files.writeString(tokens.resolve("config.json"), Json.pretty(config.with("vocab_size", 40L)));
        Path heads = CheckpointFixture.llama("true")
                .embedding(E)
                .with("lm_head.weight", SafetensorsType.F32, 40, WIDTH, H)
                .write(temporary.resolve("heads"));
        Files.writeString(
                heads.resolve("config.json"),
                Json.pretty(Json.parse(heads.resolve("config.json")).asObject().with("vocab_size", 40L)));

        for (Path path : List.of(tokens, heads)) {
            RepairPlan plan = Repair.plan(path, LOSSLESS);

            assertEquals(Optional.empty(), plan.vocabulary());
            assertTrue(plan.after().has(FindingCode.T10));
        }
    }
}
