package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `generate` does what the checkpoint's own files say, unless the command line says otherwise.
class GenerateCommandTest {

    private static final String QUESTION = "ISO date for 4 July 2059?";

    @TempDir
    private Path model = Path.of("");

    @BeforeEach
    void aModelOfItsOwn() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("src", "main", "resources", "demo", "model"))) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
    }

    @Test
    void theGenerationConfigSaysHowManyTokensAndWhichOneStops() throws IOException {
        generationConfig("{\"eos_token_id\": [0], \"max_new_tokens\": 5}");
        assertEquals("5 max_new_tokens", length(ask()));
        assertEquals("2 max_new_tokens", length(ask("--max-new-tokens", "2")));

        String text = ask().requireString("text");
        // Whichever token comes first now stops the answer before it.
        int stopped = 0;
        for (int token = 0; token < 1024 && stopped == 0; token += 64) {
            List<String> ids = java.util.stream.IntStream.range(token, token + 64)
                    .mapToObj(Integer::toString)
                    .toList();
            generationConfig("{\"eos_token_id\": [%s], \"max_new_tokens\": 5}".formatted(String.join(",", ids)));
            JsonObject answer = ask();
            if (answer.requireString("end").equals("stop_token")) {
                stopped++;
                assertTrue(text.startsWith(answer.requireString("text")), text);
                assertTrue(answer.requireInt("new_tokens") < 5);
            }
        }
        assertEquals(1, stopped);
    }

    @Test
    void aKeyThatIsNotAppliedIsNamedAndARefusedValueIsNamedWithItsFile() throws IOException {
        generationConfig("{\"eos_token_id\": [0], \"num_beams\": 4, \"max_new_tokens\": 2}");
        Ran ran = Ran.bowline("generate", model.toString(), "--prompt", QUESTION, "--stats");
        assertTrue(ran.err().contains("generate does not apply: num_beams 4"), ran.err());
        assertTrue(
                ran.err().matches("(?s).*load [0-9.]+ s, prefill [0-9]+ tokens in .*, decode 1 token in .*"),
                ran.err());

        generationConfig("{\"do_sample\": true, \"min_p\": 2.0, \"max_new_tokens\": 2}");
        Ran refused = Ran.bowline("generate", model.toString(), "--prompt", QUESTION);
        assertEquals(ExitCode.REFUSED, refused.exitCode());
        assertTrue(refused.err().contains("generation_config.json:1:30: min_p: min-p is 2.0"), refused.err());
        JsonObject stats = ask("--min-p", "0.5", "--stats").requireObject("stats");
        assertEquals(1, stats.requireInt("decode_tokens"));
        assertTrue(
                stats.requireDouble("prefill_seconds") > 0 && stats.requireInt("prefill_tokens") > 5, stats.toString());
    }

    @Test
    void theGenerationConfigSaysWhetherTokensAreDrawn() throws IOException {
        String greedy = ask().requireString("text");
        generationConfig("{\"do_sample\": true, \"temperature\": 3.0, \"top_k\": 0, \"max_new_tokens\": 20}");

        String drawn = ask("--max-new-tokens", "64").requireString("text");

        assertNotEquals(greedy, drawn);
        assertEquals(drawn, ask("--max-new-tokens", "64").requireString("text"), "the same command, the same text");
        assertNotEquals(drawn, ask("--seed", "8").requireString("text"));
        assertEquals(greedy, ask("--greedy", "--max-new-tokens", "64").requireString("text"));
    }

    @Test
    void aChatRemembersItsTurnsUntilItIsReset() {
        String[] turns = Ran.bowlineReading(
                        QUESTION + "\n\n" + QUESTION + "\n/reset\n" + QUESTION + "\n/exit\nnever asked\n",
                        "generate",
                        model.toString(),
                        "--chat",
                        "--max-new-tokens",
                        "4",
                        "--json")
                .succeeded()
                .out()
                .split("\n");

        assertEquals(3, turns.length);
        List<Integer> prompts = Stream.of(turns)
                .map(turn -> Json.parse(turn, "turn").asObject().requireInt("prompt_tokens"))
                .toList();
        assertTrue(prompts.get(1) > 2 * prompts.get(0), prompts.toString());
        assertEquals(prompts.get(0), prompts.get(2));
        assertEquals(turns[0], turns[2]);
    }

    @Test
    void aChatWithoutJsonIsTheAnswersAlone() {
        Ran ran = Ran.bowlineReading(QUESTION + "\n", "generate", model.toString(), "--chat", "--max-new-tokens", "4");

        assertEquals(1, ran.succeeded().out().lines().count(), ran.out());
        assertEquals(
                ask("--max-new-tokens", "4").requireString("text"), ran.out().stripTrailing());
        assertEquals("", ran.err());
    }

    @Test
    void toolsReachTheTemplateThatIsForThem() throws IOException {
        Path tools = Files.writeString(
                model.resolve("tools.json"),
                "[{\"type\": \"function\", \"function\": {\"name\": \"lookup\", \"parameters\": {}}}]");
        Path folder = Files.createDirectory(model.resolve("additional_chat_templates"));
        Files.writeString(
                folder.resolve("tool_use.jinja"),
                "{% for tool in tools or [] %}{{ tool.function.name }} {% endfor %}{{ messages[0].content }}");

        int with = ask("--tools", tools.toString()).requireInt("prompt_tokens");
        int without = ask("--chat-template", "tool_use").requireInt("prompt_tokens");

        assertTrue(with > without, "%d tokens with tools, %d without".formatted(with, without));
        assertTrue(with < ask().requireInt("prompt_tokens") + 8, "the default template was used");
    }

    @Test
    void toolsThatNoTemplateReadsAreWarnedOf() throws IOException {
        Path tools = Files.writeString(model.resolve("tools.json"), "[]");

        Ran ran = Ran.bowline(
                "generate", model.toString(), "--prompt", "Hi", "--tools", tools.toString(), "--max-new-tokens", "1");

        assertTrue(ran.succeeded().err().startsWith("warning: the chat template never reads 'tools'"), ran.err());
    }

    @Test
    void aToolsFileThatIsNoArrayIsRefusedAtItsPlace() throws IOException {
        Path tools = Files.writeString(model.resolve("tools.json"), "{\n");

        Ran ran = Ran.bowline("generate", model.toString(), "--prompt", "Hi", "--tools", tools.toString());

        assertEquals(ExitCode.REFUSED, ran.exitCode());
        assertEquals("", ran.out());
        assertTrue(ran.err().startsWith("error: " + tools + ":"), ran.err());
    }

    private void generationConfig(String json) throws IOException {
        Files.writeString(model.resolve("generation_config.json"), json);
    }

    private JsonObject ask(String... more) {
        String[] line = Stream.concat(
                        Stream.of("generate", model.toString(), "--prompt", QUESTION, "--json"), Stream.of(more))
                .toArray(String[]::new);
        return Ran.bowline(line).succeeded().json();
    }

    private static String length(JsonObject answer) {
        return answer.requireInt("new_tokens") + " " + answer.requireString("end");
    }
}
