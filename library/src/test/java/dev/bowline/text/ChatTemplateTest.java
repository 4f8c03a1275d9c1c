package dev.bowline.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.text.ChatTemplate.End;
import dev.bowline.text.jinja.Template;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Of several chat templates the one that transformers takes is taken, with the same variables and the same day.
/// The golden file is made by tools/make_template_choice.py.
class ChatTemplateTest {

    private static final Path JINJA = Path.of("src/test/resources/jinja");
    private static final Path TOKENIZER = Path.of("src/test/resources/fixtures/tokenizers/byte_fallback");
    private static final JsonObject GOLDEN =
            Json.parse(JINJA.resolve("choice.json")).asObject();

    /// Functions that jinja2 does not count among the variables.
    private static final Set<String> FUNCTIONS =
            Set.of("range", "dict", "namespace", "cycler", "joiner", "lipsum", "raise_exception", "strftime_now");

    @TempDir
    private Path directory = Path.of("");

    @Test
    void theTemplateAndItsTextAreThoseOfTransformers() throws IOException {
        List<String> differences = new ArrayList<>();
        int number = 0;

        for (JsonObject golden : GOLDEN.requireArray("cases").objects()) {
            Path checkpoint = checkpoint("case" + number++, golden.requireString("directory"));
            String expected = golden.optionalString("text").orElse("(refused)");
            String ours = applied(checkpoint, golden.requireObject("call"));
            if (!expected.equals(ours)) {
                differences.add("%s\n  ours %s".formatted(golden, ours));
            }
        }

        assertTrue(number > 20);
        assertEquals("", String.join("\n", differences));
    }

    @Test
    void theVariablesOfATemplateAreThoseThatJinja2Finds() throws IOException {
        for (var expected : GOLDEN.requireObject("variables").fields().entrySet()) {
            String source = Files.readString(JINJA.resolve("templates").resolve(expected.getKey() + ".jinja"));
            Set<String> ours =
                    new TreeSet<>(Template.parse(expected.getKey(), source).variables());
            ours.removeAll(FUNCTIONS);

            Set<String> jinja2 = new TreeSet<>(expected.getValue().asArray().strings());
            // jinja2 also counts names that the template itself sets in some of its branches only.
            jinja2.removeIf(name -> !ours.contains(name)
                    && Pattern.compile("set [^=]*\\b" + name + "\\b[^=]*=")
                            .matcher(source)
                            .find());

            assertEquals(jinja2, ours, expected.getKey());
        }
    }

    @Test
    void aVariableThatIsSurelySetBeforeItIsReadIsNotAsked() {
        assertEquals(Set.of(), variables("{% set x = 1 %}{{ x }}"));
        assertEquals(Set.of("x"), variables("{{ x }}{% set x = 1 %}"));
        assertEquals(Set.of("c", "x"), variables("{% if c %}{% set x = 1 %}{% endif %}{{ x }}"));
        assertEquals(Set.of("c"), variables("{% if c %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}"));
        assertEquals(Set.of("xs"), variables("{% for x in xs if x %}{{ x ~ loop.index }}{% endfor %}"));
        assertEquals(Set.of("d"), variables("{% macro m(a, b=d) %}{{ a + b }}{% endmacro %}{{ m(1) }}"));
    }

    @Test
    void anOptionThatNoTemplateReadsIsToldFromOneThatIsRead() throws IOException {
        Path checkpoint = checkpoint("think", "think");

        try (Tokenizer tokenizer = Tokenizer.open(checkpoint)) {
            ChatTemplate template = ChatTemplate.of(tokenizer)
                    .with(JsonObject.of().with("enable_thinking", true).with("enable_thinkin", true));
            template.text(hi(), End.GENERATION_PROMPT);

            assertEquals(List.of("enable_thinkin"), template.unreadOptions());
        }
    }

    @Test
    void whatTheConversationDecidesIsNoOption() throws IOException {
        Path checkpoint = checkpoint("one", "one");

        try (Tokenizer tokenizer = Tokenizer.open(checkpoint)) {
            ChatTemplate template = ChatTemplate.of(tokenizer);
            JsonObject options = JsonObject.of().with("add_generation_prompt", true);
            BowlineException refused = assertThrows(BowlineException.class, () -> template.with(options));

            assertTrue(refused.problem().contains("'add_generation_prompt'"), refused.problem());
        }
    }

    @Test
    void aNameThatIsNotThereIsRefusedWithThoseThatAre() throws IOException {
        Path checkpoint = checkpoint("named", "named");

        try (Tokenizer tokenizer = Tokenizer.open(checkpoint)) {
            BowlineException refused =
                    assertThrows(BowlineException.class, () -> ChatTemplate.named(tokenizer, "tool"));

            assertTrue(refused.problem().endsWith("it has 'default', 'tool_use'"), refused.problem());
        }
    }

    private static Set<String> variables(String source) {
        return Template.parse("test", source).variables();
    }

    private static Conversation hi() {
        return Conversation.of(GOLDEN.requireArray("messages").objects());
    }

    private static String applied(Path checkpoint, JsonObject call) {
        try (Tokenizer tokenizer = Tokenizer.open(checkpoint)) {
            ChatTemplate template = call.has("chat_template")
                    ? ChatTemplate.named(tokenizer, call.requireString("chat_template"))
                    : ChatTemplate.of(tokenizer);
            return template.with(call.without("chat_template").without("tools"))
                    .on(LocalDate.parse(GOLDEN.requireString("day")))
                    .text(new Conversation(hi().messages(), call.optionalArray("tools")), End.LAST_MESSAGE);
        } catch (BowlineException _) {
            return "(refused)";
        }
    }

    /// The tokenizer with the templates of a directory of the golden file.
    private Path checkpoint(String name, String templates) throws IOException {
        Path checkpoint = Files.createDirectories(directory.resolve(name));
        Files.copy(TOKENIZER.resolve("tokenizer.json"), checkpoint.resolve("tokenizer.json"));
        JsonObject config =
                Json.parse(TOKENIZER.resolve("tokenizer_config.json")).asObject();
        for (var file : GOLDEN.requireObject("directories")
                .requireObject(templates)
                .fields()
                .entrySet()) {
            JsonValue text = file.getValue();
            if (file.getKey().equals("config")) {
                config = config.with("chat_template", text);
            } else {
                Path target = checkpoint.resolve(file.getKey());
                Files.createDirectories(Objects.requireNonNull(target.getParent()));
                Files.writeString(target, text.asString());
            }
        }
        Files.writeString(checkpoint.resolve("tokenizer_config.json"), Json.pretty(config));
        return checkpoint;
    }
}
