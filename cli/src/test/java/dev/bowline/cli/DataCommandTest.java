package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataCommandTest {

    private static final String DEMO = Path.of("..", "examples", "demo.yaml").toString();
    private static final String GOOD = """
            {"messages": [{"role": "user", "content": "a <b>"}, {"role": "assistant", "content": "c & d"}]}
            """;

    @TempDir
    private Path directory;

    private Path data;
    private Path page;

    @BeforeEach
    void writeData() throws IOException {
        data = Files.writeString(directory.resolve("data.jsonl"), GOOD + GOOD);
        page = directory.resolve("data.html");
    }

    private Ran data(String... more) {
        return Ran.bowline(Stream.concat(Stream.of("data", DEMO, "--set", "dataset.path=" + data), Stream.of(more))
                .toArray(String[]::new));
    }

    @Test
    void cleanDataSucceedsAndShowsTheTrainedTokens() {
        Ran ran = Ran.bowline("data", DEMO, "--show", "2").succeeded();

        assertTrue(ran.out().contains("No findings."), ran.out());
        assertEquals(
                2,
                ran.out().lines().filter(line -> line.startsWith("  trained  ")).count());
        assertFalse(ran.out().contains("\u001b"), "colours are for terminals");
    }

    @Test
    void theExitCodeIsThatOfTheWorstFinding() throws IOException {
        assertEquals(1, data().exitCode());
        assertEquals(0, data("--fail-on", "high").exitCode());
        Files.writeString(data, GOOD + "{\"messages\": [");
        assertEquals(2, data("--fail-on", "high").exitCode());
    }

    @Test
    void jsonHasTheSameFindings() {
        JsonObject json = data("--json", "--show", "1").json();

        JsonObject finding = json.requireArray("findings").objects().getFirst();
        assertEquals("D10", finding.requireString("code"));
        assertEquals("medium", json.requireString("worst"));
        assertEquals(
                data + ":2", finding.requireArray("places").objects().getFirst().requireString("origin"));
        assertEquals(1, json.requireArray("examples").objects().size());
        assertEquals(2, json.requireArray("sections").objects().getFirst().requireInt("rows"));
    }

    @Test
    void thePageIsWholeAndShowsTextOfTheDataAsText() throws IOException {
        data("--html", page.toString());

        String html = Files.readString(page);
        assertTrue(html.startsWith("<!doctype html>") && html.endsWith("</body></html>\n"), html);
        assertTrue(html.contains("D10"), html);
        assertTrue(html.contains("&lt;") && !html.contains("a <b>"), html);
        assertFalse(html.contains("<script") || html.contains("http"), html);
        assertEquals(List.of("data.html", "data.jsonl"), names());
    }

    @Test
    void wrongInputIsAnErrorAndWritesNoPage() throws IOException {
        Files.delete(data);

        Ran missing = data("--html", page.toString());

        assertEquals(ExitCode.REFUSED, missing.exitCode());
        assertTrue(missing.err().startsWith("error: "), missing.err());
        assertEquals("", missing.out());
        assertEquals(List.of(), names());
        assertEquals(ExitCode.USAGE, Ran.bowline("data", DEMO, "--show", "-1").exitCode());
    }

    @Test
    void aChatTemplateThatCannotBeParsedIsOneErrorWithoutARow() throws IOException {
        Path template = Files.writeString(directory.resolve("broken.jinja"), "{% for m in messages %}{{ m.content }");

        Ran ran = data("--set", "dataset.chat_template=" + template, "--html", page.toString());

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertEquals("", ran.out());
        assertTrue(ran.err().startsWith("error: %s, line 1: ".formatted(template)), ran.err());
        assertEquals(List.of("broken.jinja", "data.jsonl"), names());
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
