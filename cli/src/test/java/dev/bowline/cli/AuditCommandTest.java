package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `audit` says it in words, in JSON, as a page and by its exit code; `repair` writes only when told to.
class AuditCommandTest {

    @TempDir
    private Path temporary;

    /// A copy of a tied checkpoint whose flag says untied.
    private Path lying() throws IOException {
        Path source = Ran.fixture("moe_tied");
        Path directory = Files.createDirectories(temporary.resolve("lying"));
        Files.copy(source.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        JsonObject config = Json.parse(source.resolve("config.json")).asObject();
        JsonObject text = config.requireObject("text_config").with("tie_word_embeddings", false);
        Files.writeString(
                directory.resolve("config.json"),
                Json.pretty(config.with("tie_word_embeddings", false).with("text_config", text)));
        return directory;
    }

    @Test
    void theExitCodeIsTheWorstFinding() throws IOException {
        String lying = lying().toString();

        assertEquals(3, Ran.bowline("audit", lying).exitCode());
        assertEquals(
                0,
                Ran.bowline("audit", Ran.fixture("moe_untied").toString(), "--fail-on", "critical")
                        .exitCode());
        assertEquals(
                4, Ran.bowline("audit", temporary.resolve("nothing").toString()).exitCode());
        assertEquals(ExitCode.USAGE, Ran.bowline("audit").exitCode());
    }

    @Test
    void theTextHasVerdictMatrixAndFix() throws IOException {
        String text = Ran.bowline("audit", lying().toString()).out();

        assertTrue(
                text.contains("WRONG for some: one value, stored as model.language_model.embed_tokens.weight"), text);
        assertTrue(text.contains("random head"), text);
        assertTrue(text.contains("T02 critical HEAD_MISSING_UNTIED"), text);
        assertTrue(text.contains("fix: bowline repair "), text);
    }

    @Test
    void jsonAndPageSayTheSame() throws IOException {
        Path page = temporary.resolve("page.html");
        JsonObject audit = Ran.bowline("audit", lying().toString(), "--json", "--html", page.toString())
                .json()
                .requireArray("audits")
                .objects()
                .getFirst();

        assertEquals("critical", audit.requireString("worst"));
        assertTrue(Files.readString(page).contains(audit.requireString("verdict")));
        assertFalse(Files.readString(page).contains("http"), "the page needs the network");
    }

    @Test
    void repairWritesOnlyWithApply() throws IOException {
        Path lying = lying();
        Path fixed = temporary.resolve("fixed");

        String dry = Ran.bowline("repair", lying.toString(), "--out", fixed.toString())
                .succeeded()
                .out();
        assertFalse(Files.exists(fixed));
        String before = dry.substring(0, dry.indexOf("\nAfter\n"));
        String after = dry.substring(dry.indexOf("\nAfter\n"));
        assertTrue(before.contains("transformers 5      random head"), before);
        assertTrue(after.contains("transformers 5      tied"), after);
        assertTrue(after.contains("Nothing was written"), after);

        Ran.bowline("repair", lying.toString(), "--out", fixed.toString(), "--apply")
                .succeeded();
        assertEquals(0, Ran.bowline("audit", fixed.toString()).exitCode());
    }

    @Test
    void whatAnInterruptedRepairLeftIsToldAndRemoved() throws IOException {
        Path lying = lying();
        Path left = Files.createDirectory(lying.resolveSibling(".lying.bowline-repair"));

        String dry = Ran.bowline("repair", lying.toString(), "--in-place")
                .succeeded()
                .err();
        assertTrue(dry.contains("An interrupted repair left") && dry.contains("--apply removes it"), dry);
        assertTrue(Files.exists(left));

        String applied = Ran.bowline("repair", lying.toString(), "--in-place", "--apply")
                .succeeded()
                .err();
        assertTrue(applied.contains(".lying.bowline-repair; removed"), applied);
        assertFalse(Files.exists(left));
        assertEquals(
                "",
                Ran.bowline("repair", lying.toString(), "--in-place", "--apply")
                        .succeeded()
                        .err());
    }

    @Test
    void whatARepairLeftBesideItsOutputIsToldToo() throws IOException {
        Path lying = lying();
        Files.createDirectory(temporary.resolve(".fixed.bowline-repair"));

        String told = Ran.bowline(
                        "repair",
                        lying.toString(),
                        "--out",
                        temporary.resolve("fixed").toString())
                .succeeded()
                .err();

        assertTrue(told.contains(".fixed.bowline-repair; --apply removes it"), told);
    }

    @Test
    void anOriginalThatARepairLeftAsideIsPutBackAndSaidSo() throws IOException {
        Path lying = lying();
        Path aside = Files.move(lying, lying.resolveSibling(".lying.bowline-original"));

        String told = Ran.bowline("repair", lying.toString(), "--in-place", "--apply")
                .succeeded()
                .err();

        assertTrue(told.contains("had moved the original; the original is back in its place"), told);
        assertFalse(Files.exists(aside));
        assertTrue(Files.exists(lying.resolve("config.json")));
    }
}
