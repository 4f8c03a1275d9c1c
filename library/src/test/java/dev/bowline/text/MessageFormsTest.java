package dev.bowline.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.text.AssistantMask.Answers;
import dev.bowline.text.AssistantMask.Masked;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The trained text of an answer is its content and its tool calls in the form that the chat template expects,
/// and what the template leaves out is reported.
class MessageFormsTest {

    private static final Tokenizer TOKENIZER =
            Tokenizer.open(Path.of("src/test/resources/fixtures/tokenizers/byte_fallback"));

    private static final String STRING = "\"{\\\"city\\\":\\\"Paris\\\",\\\"n\\\":2}\"";
    private static final String OBJECT = "{\"city\": \"Paris\", \"n\": 2}";
    private static final String ENCODED = "{\"city\": \"Paris\", \"n\": 2}";

    @AfterAll
    static void close() {
        TOKENIZER.close();
    }

    @Test
    void argumentsAreEncodedOnceHoweverTheFileHoldsThem() {
        for (String arguments : List.of(STRING, OBJECT)) {
            assertEquals(ENCODED, trained("{{ c.function.arguments | tojson }}", arguments));
        }
    }

    @Test
    void aTemplateThatWalksTheArgumentsGetsAnObject() {
        for (String arguments : List.of(STRING, OBJECT)) {
            assertEquals(
                    "city=Paris,n=2,",
                    trained("{% for k, v in c.function.arguments|items %}{{ k }}={{ v }},{% endfor %}", arguments));
        }
    }

    @Test
    void aTemplateThatTakesBothGetsAnObjectAsServersGiveIt() {
        String both = "{% if c.function.arguments is string %}{{ c.function.arguments }}"
                + "{% else %}{{ c.function.arguments | tojson }}{% endif %}";

        assertEquals(ENCODED, trained(both, STRING));
    }

    @Test
    void aTemplateThatConcatenatesTheArgumentsGetsAString() {
        assertEquals("({\"city\":\"Paris\",\"n\":2})", trained("{{ '(' + c.function.arguments + ')' }}", STRING));
        assertEquals("(" + ENCODED + ")", trained("{{ '(' + c.function.arguments + ')' }}", OBJECT));
    }

    @Test
    void aTemplateThatPrintsTheArgumentsKeepsAString() {
        assertEquals("{\"city\":\"Paris\",\"n\":2}", trained("{{ c.function.arguments }}", STRING));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {"\"\"; {}", "\"{}\"; {}", "{}; {}", "\"not JSON\"; \"not JSON\"", "\"[1]\"; \"[1]\""})
    void emptyArgumentsAreAnEmptyObjectAndOtherStringsStay(String arguments, String written) {
        assertEquals(written, trained("{{ c.function.arguments | tojson }}", arguments));
    }

    @Test
    void aNullContentIsNoWord() {
        for (String content :
                List.of("{{ m.content }}", "{{ m.content + '' }}", "{{ m.content | tojson | replace('\"', '') }}")) {
            Masked masked = only(turns(content, "look"), """
                    {"role": "user", "content": "q"},
                    {"role": "assistant", "content": null, "tool_calls": [%s]}""".formatted(call("{}")));

            assertEquals("look<|im_end|>", learned(masked));
        }
    }

    @Test
    void aTemplateThatTellsACallByItsNullKeepsIt() {
        String template = "{% for m in messages %}<|im_start|>{{ m.role }}\n"
                + "{% if m.content is none %}{{ m.tool_calls[0].function.name }}{% else %}{{ m.content }}{% endif %}"
                + "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

        Masked masked = only(template, """
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": null, "tool_calls": [%s]}""".formatted(call("{}")));

        assertEquals("look<|im_end|>", learned(masked));
        assertEquals(List.of(), masked.unwritten());
    }

    @Test
    void aNullFieldIsNoField() {
        Masked masked = only(turns("{% if m.tool_calls is defined %}calls{% endif %}{{ m.content }}", ""), """
                {"role": "user", "content": "q", "tool_calls": null},
                {"role": "assistant", "content": "a", "tool_calls": null, "reasoning_content": null}""");

        assertEquals("a<|im_end|>", learned(masked));
    }

    @Test
    void anAnswerThatIsNotThereIsRefusedUnlessItIsOnlyRead() {
        String nothing = """
                {"role": "user", "content": "q"}, {"role": "assistant", "content": null},
                {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}""";

        BowlineException refused =
                assertThrows(BowlineException.class, () -> only(turns("{{ m.content }}", ""), nothing));

        assertTrue(refused.problem().contains("neither content nor tool_calls"), refused.problem());
        assertTrue(refused.problem().startsWith("test:"), refused.problem());
        assertEquals(
                "a<|im_end|>",
                learned(only(turns("{{ m.content }}", ""), nothing.replace("null", "null, \"weight\": 0"))));
    }

    @Test
    void aFieldThatTheTemplateNeverReadsIsReportedWithItsText() {
        Masked masked = only(turns("{{ m.content }}", ""), """
                {"role": "user", "content": "2+2?"},
                {"role": "assistant", "content": "4", "reasoning_content": "add the two", "id": "x", "weight": 1}""");

        assertEquals(List.of(new UnrenderedText("reasoning_content", "add the two")), masked.unwritten());
    }

    @Test
    void aCallThatTheTemplateNeverReadsIsReported() {
        Masked masked = only(turns("{{ m.content }}", ""), """
                {"role": "user", "content": "2+2?"},
                {"role": "assistant", "content": null, "tool_calls": [%s]}""".formatted(call(STRING)));

        assertEquals("<|im_end|>", learned(masked));
        assertEquals(List.of(new UnrenderedText("tool_calls", "look")), masked.unwritten());
    }

    @Test
    void argumentsThatTheTemplateLeavesOutAreReported() {
        Masked masked = only(turns("", "{{ c.function.name }}"), """
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "", "tool_calls": [%s]}""".formatted(call(STRING)));

        assertEquals(List.of(new UnrenderedText("tool_calls", "Paris")), masked.unwritten());
    }

    @Test
    void aThoughtThatTheTemplateCutsIsReported() {
        Masked masked = only(turns("{{ m.content.split('</think>')[-1] }}", ""), """
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "<think>\\nfirst this\\nthen that\\n</think>\\n\\nSo."}""");

        assertEquals(List.of(new UnrenderedText("content", "first this")), masked.unwritten());
    }

    @Test
    void textThatIsTrimmedIndentedOrEncodedIsWritten() {
        String answer = """
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "  say \\"a\\"\\n\\tand b 🪢\\n", "thinking": "<think>hm</think>"}""";

        Masked trimmed =
                only(turns("<thought> {{ m.thinking }}</thought>{{ m.content | trim | indent(4) }}", ""), answer);
        Masked encoded = only(turns("{{ [m.thinking or '', m.content] | tojson }}", ""), answer);

        assertEquals(List.of(), trimmed.unwritten());
        assertEquals(List.of(), encoded.unwritten());
    }

    @Test
    void partsOfAContentAreReportedToo() {
        Masked masked = only(turns("{{ m.content[0].text }}", ""), """
                {"role": "user", "content": [{"type": "text", "text": "q"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}""");

        assertEquals(List.of(new UnrenderedText("content", "two")), masked.unwritten());
    }

    @Test
    void textsInPartsAreOneTextForATemplateThatExpectsOne() {
        String parts = """
                {"role": "user", "content": [{"type": "text", "text": "What? "}, {"type": "text", "text": "When?"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "Now."}]}""";
        List<String> templates = List.of(
                "{{ m.content + '' }}",
                "{{ m.content }}",
                "{{ m.content | trim }}",
                "{% if m.content is string %}{{ m.content }}{% endif %}",
                "{{ m.content if m.content is string else m.content | tojson }}");

        for (String template : templates) {
            Masked masked = only(turns(template, ""), parts);

            assertEquals("Now.<|im_end|>", learned(masked), template);
            assertTrue(
                    TOKENIZER.decodeWithSpecialTokens(masked.tokens().ids()).contains("user\nWhat? When?<|im_end|>"),
                    template);
            assertEquals(List.of(), masked.unwritten());
        }
    }

    @Test
    void aTemplateThatWalksPartsKeepsThem() {
        String walks = "{% for part in m.content %}({{ part.text }}){% endfor %}";

        assertEquals("(Now.)<|im_end|>", learned(only(turns(walks, ""), """
                {"role": "user", "content": [{"type": "text", "text": "When?"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "Now."}]}""")));
    }

    /// What the template makes of one call with these arguments.
    private static String trained(String arguments, String json) {
        String learned = learned(only(turns("{{ m.content or '' }}", arguments), """
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": null, "tool_calls": [%s]}""".formatted(call(json))));
        return learned.replace("<|im_end|>", "");
    }

    private static String call(String arguments) {
        return "{\"id\": \"c1\", \"type\": \"function\", \"function\": {\"name\": \"look\", \"arguments\": %s}}"
                .formatted(arguments);
    }

    private static String turns(String content, String call) {
        return "{% for m in messages %}<|im_start|>{{ m.role }}\n" + content
                + "{% for c in m.tool_calls or [] %}" + call + "{% endfor %}<|im_end|>\n{% endfor %}"
                + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    }

    private static Masked only(String template, String messages) {
        List<JsonObject> turns =
                Json.parse("[" + messages + "]", "test").asArray().objects();
        List<Masked> rows = AssistantMask.of(
                Conversation.of(turns),
                0,
                ChatTemplate.inline(TOKENIZER, "template", template),
                TOKENIZER,
                Answers.ALL);
        assertEquals(1, rows.size());
        return rows.getFirst();
    }

    private static String learned(Masked masked) {
        int[] ids = java.util.stream.IntStream.range(0, masked.assistant().length)
                .filter(token -> masked.assistant()[token])
                .map(token -> masked.tokens().ids()[token])
                .toArray();
        return TOKENIZER.decodeWithSpecialTokens(ids);
    }
}
