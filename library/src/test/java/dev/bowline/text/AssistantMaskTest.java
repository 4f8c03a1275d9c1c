package dev.bowline.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.text.AssistantMask.Answers;
import dev.bowline.text.AssistantMask.Masked;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What a model learns is what the assistant said and the token that ends its turn: all of it, and nothing else.
class AssistantMaskTest {

    private static final Path TEMPLATES = Path.of("src/test/resources/jinja/templates");
    private static final Tokenizer TOKENIZER =
            Tokenizer.open(Path.of("src/test/resources/fixtures/tokenizers/byte_fallback"));

    /// Two are for answers with thoughts, one cuts answers short.
    private static final Set<String> NOT_FOR_PLAIN_CHAT = Set.of("deepseek_r1", "qwen3_thinking", "minitron_recursive");

    private static final Conversation TWO_ANSWERS = talk(
            message("system", "Be brief."),
            message("user", "Hi 😀"),
            message("assistant", "Hello!"),
            message("user", "2+2?"),
            message("assistant", "4 🪢"));

    @AfterAll
    static void close() {
        TOKENIZER.close();
    }

    @Test
    void answersAreFoundByRenderingTheTurnsBeforeThem() {
        assertEquals(List.of("Hello!<|im_end|>", "4 🪢<|im_end|>"), learned("chatml", TWO_ANSWERS));
    }

    @Test
    void generationBlocksSayTheSame() {
        assertEquals(List.of("Hello!<|im_end|>", "4 🪢<|im_end|>"), learned("chatml_generation", TWO_ANSWERS));
    }

    @Test
    void anEndOfTurnTokenBehindTheBlocksBelongsToTheAnswer() {
        String template = "{% for m in messages %}<|im_start|>{{ m.role }}\n"
                + "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}"
                + "<|im_end|>\n{% endfor %}";

        Masked masked = mask(inline(template), TWO_ANSWERS);

        assertEquals(List.of("Hello!<|im_end|>", "4 🪢<|im_end|>"), pieces(masked));
    }

    @Test
    void aTokenThatOpensTheNextTurnIsNoEndOfTurn() {
        String template = "{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|>"
                + "{% generation %}{{ m.content }}{% endgeneration %}{% else %}<|user|>{{ m.content }}{% endif %}{% endfor %}";

        Masked masked = mask(inline(template), TWO_ANSWERS);

        assertEquals(List.of("Hello!", "4 🪢"), pieces(masked));
    }

    @Test
    void aTokenThatOnlyEndsTheWholeConversationDoesNotDisturb() {
        assertEquals(List.of("Hello!<|end|>", "4 🪢<|end|>\n<eos>"), learned("phi3", TWO_ANSWERS));
    }

    @Test
    void llamaAndGemmaTemplatesWork() {
        Conversation conversation = TWO_ANSWERS;

        assertEquals(List.of("Hello!<|eot_id|>", "4 🪢<|eot_id|>"), learned("llama3", conversation));
        assertEquals(List.of("Hello!<end_of_turn>", "4 🪢<end_of_turn>"), learned("gemma2_generation", conversation));
        assertEquals(List.of("Hello!<|im_end|>", "4 🪢<|im_end|>"), learned("phi4_generation", conversation));
    }

    @Test
    void theRestOfTheGenerationPromptIsReadButNotLearned() {
        Masked masked = mask(file("gemma4"), TWO_ANSWERS);

        assertEquals(List.of("Hello!<turn|>", "4 🪢<turn|>"), pieces(masked));
        assertEquals("""
                <bos><|turn>system
                Be brief.<turn|>
                <|turn>user
                Hi 😀<turn|>
                <|turn>model
                <|channel>thought
                <channel|>Hello!<turn|>
                <|turn>user
                2+2?<turn|>
                <|turn>model
                <|channel>thought
                <channel|>4 🪢<turn|>
                """, TOKENIZER.decodeWithSpecialTokens(masked.tokens().ids()));
    }

    @Test
    void whereEarlierAnswersAreRewrittenEachIsLearnedInARowThatEndsWithIt() {
        Conversation thoughtful = talk(
                message("user", "Hi"),
                message("assistant", "<think>\nhm\n</think>\n\nHello"),
                message("user", "And?"),
                message("assistant", "<think>\nah\n</think>\n\nThere"));

        List<Masked> rows = AssistantMask.of(thoughtful, 0, file("qwen3_thinking"), TOKENIZER, Answers.ALL);

        assertEquals(2, rows.size());
        assertEquals(List.of("<think>\nhm\n</think>\n\nHello<|im_end|>"), pieces(rows.getFirst()));
        assertEquals(List.of("<think>\nah\n</think>\n\nThere<|im_end|>"), pieces(rows.getLast()));
        assertEquals(
                "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"
                        + "<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n\n",
                text(rows.getLast(), false));
    }

    @Test
    void answersThatAreNotRewrittenShareARow() {
        Conversation steps = talk(
                message("user", "2+2?"),
                call("add", "<think>\nsum\n</think>\n\n"),
                message("tool", "4"),
                message("assistant", "<think>\nso\n</think>\n\nFour"),
                message("user", "3+3?"),
                call("add", "<think>\nagain\n</think>\n\n"),
                message("tool", "6"),
                message("assistant", "<think>\nthen\n</think>\n\nSix"));

        List<Masked> rows = AssistantMask.of(steps, 0, file("qwen3_thinking"), TOKENIZER, Answers.ALL);

        assertEquals(2, rows.size());
        assertEquals(2, pieces(rows.getFirst()).size());
        assertTrue(
                pieces(rows.getFirst()).getFirst().startsWith("<think>\nsum\n</think>"),
                () -> pieces(rows.getFirst()).toString());
        assertEquals(2, pieces(rows.getLast()).size());
        assertTrue(
                pieces(rows.getLast()).getFirst().startsWith("<think>\nagain\n</think>"),
                () -> pieces(rows.getLast()).toString());
    }

    @Test
    void blocksOfRewrittenAnswersAreLearnedInRowsOfTheirOwn() {
        String template =
                "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}"
                        + "{% if loop.last %}<think>\n\n</think>\n\n{% endif %}{{ m.content }}<|im_end|>{% endgeneration %}"
                        + "{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}";

        List<Masked> rows = AssistantMask.of(TWO_ANSWERS, 0, inline(template), TOKENIZER, Answers.ALL);

        assertEquals(
                List.of(
                        List.of("<think>\n\n</think>\n\nHello!<|im_end|>"),
                        List.of("<think>\n\n</think>\n\n4 🪢<|im_end|>")),
                rows.stream().map(AssistantMaskTest::pieces).toList());
    }

    @Test
    void anAnswerThatTheNextQuestionRewritesIsLearnedAsItWasGenerated() {
        Conversation asked = talk(
                message("user", "Hi"),
                message("assistant", "<think>\nhm\n</think>\n\nHello"),
                message("user", "Thanks"));

        Masked masked = mask(file("qwen3_thinking"), asked);

        assertEquals(List.of("<think>\nhm\n</think>\n\nHello<|im_end|>"), pieces(masked));
    }

    /// The reference is the conversation cut behind each answer, where that answer is the last message.
    @ParameterizedTest
    @MethodSource("templates")
    void everyAnswerIsLearnedOnceAsTheTemplateWritesItWhenItIsTheLast(String name) {
        ChatTemplate template = file(name);
        Conversation conversation = talk(
                message("user", "What is one"),
                message("assistant", "It is seven"),
                message("user", "And two"),
                message("assistant", "It is eight"),
                message("user", "Then three"),
                message("assistant", "It is nine"));

        List<String> learned = AssistantMask.of(conversation, 0, template, TOKENIZER, Answers.ALL).stream()
                .flatMap(row -> pieces(row).stream())
                .map(AssistantMaskTest::withoutTheEnd)
                .toList();

        List<String> expected = Stream.of(2, 4, 6)
                .map(conversation::prefix)
                .flatMap(cut -> AssistantMask.of(cut, 0, template, TOKENIZER, Answers.LAST).stream())
                .flatMap(row -> pieces(row).stream())
                .map(AssistantMaskTest::withoutTheEnd)
                .toList();
        assertEquals(expected, learned);
    }

    @Test
    void theLastAnswerCanBeLearnedAlone() {
        Conversation thoughtful = talk(
                message("user", "Hi"),
                message("assistant", "<think>\nhm\n</think>\n\nHello"),
                message("user", "And?"),
                message("assistant", "<think>\nah\n</think>\n\nThere"));
        ChatTemplate lastOnly = file("qwen3_thinking");

        assertEquals(
                List.of("<think>\nah\n</think>\n\nThere<|im_end|>"),
                pieces(only(AssistantMask.of(thoughtful, 0, lastOnly, TOKENIZER, Answers.LAST))));
    }

    @Test
    void whiteSpaceThatOnlyThePromptHasIsReadAndNotLearned() {
        String template = "{% for m in messages %}<|im_start|>{{ m.role }}\n"
                + "{% if m.role == 'assistant' %}<think></think>{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
                + "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}";

        Masked masked = mask(inline(template), talk(message("user", "Hi"), message("assistant", "Hello")));

        assertEquals(List.of("</think>Hello<|im_end|>"), pieces(masked));
        assertEquals("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n\n", text(masked, false));
    }

    @Test
    void aPromptThatOpensAThoughtTheAnswerLacksIsRefused() {
        BowlineException refused = assertThrows(BowlineException.class, () -> mask(file("deepseek_r1"), TWO_ANSWERS));

        assertTrue(refused.problem().contains("ends the generation prompt with '<think>\\n'"), refused.problem());
    }

    @Test
    void theLastOfSeveralBlocksIsTheLastAnswer() {
        ChatTemplate lastOnly = file("chatml_generation");

        assertEquals(
                List.of("4 🪢<|im_end|>"),
                pieces(only(AssistantMask.of(TWO_ANSWERS, 0, lastOnly, TOKENIZER, Answers.LAST))));
    }

    @Test
    void anAnswerOfWeightZeroIsOnlyRead() {
        JsonObject unweighted = message("assistant", "Hello!").with("weight", 0);
        Conversation conversation =
                talk(message("user", "Hi"), unweighted, message("user", "2+2?"), message("assistant", "4"));

        assertEquals(List.of("4<|im_end|>"), learned("chatml", conversation));
        assertEquals(List.of("4<|im_end|>"), learned("chatml_generation", conversation));
    }

    @Test
    void aToolCallIsAnAnswerAndItsResultIsNot() {
        Conversation conversation =
                talk(message("user", "2+2?"), call("add", ""), message("tool", "4"), message("assistant", "Four"));

        assertEquals(
                List.of(
                        "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": 2}}\n</tool_call><|im_end|>",
                        "Four<|im_end|>"),
                learned("qwen25_tools", conversation));
    }

    @Test
    void aConversationWithoutAnAnswerTeachesNothing() {
        assertEquals(List.of(), learned("chatml", talk(message("user", "Hi"))));
    }

    @Test
    void whatTheAssistantIsPromptedWithIsNotLearned() {
        Masked masked = mask(file("chatml"), TWO_ANSWERS);
        String read = text(masked, false);

        assertEquals(
                "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi 😀<|im_end|>\n<|im_start|>assistant\n"
                        + "\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n\n",
                read);
    }

    static Stream<String> templates() throws IOException {
        try (Stream<Path> files = Files.list(TEMPLATES)) {
            return files
                    .map(file -> file.getFileName().toString().replace(".jinja", ""))
                    .filter(name -> !NOT_FOR_PLAIN_CHAT.contains(name))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    @ParameterizedTest
    @MethodSource("templates")
    void everyStyleOfTemplateTeachesTheAnswersAndNotTheQuestions(String name) {
        Conversation conversation = talk(
                message("user", "What is one"),
                message("assistant", "It is seven"),
                message("user", "And two"),
                message("assistant", "It is eight"));

        List<String> pieces = AssistantMask.of(conversation, 0, file(name), TOKENIZER, Answers.ALL).stream()
                .flatMap(row -> pieces(row).stream())
                .toList();

        assertEquals(2, pieces.size(), pieces.toString());
        assertTrue(pieces.get(0).contains("It is seven"), pieces.toString());
        assertTrue(pieces.get(1).contains("It is eight"), pieces.toString());
        assertFalse(String.join("", pieces).matches("(?s).*(What|And|two).*"), pieces.toString());
    }

    /// Without the token with which phi3 ends a conversation.
    private static String withoutTheEnd(String piece) {
        return piece.replaceAll("\\s*(<eos>)?$", "");
    }

    private static List<String> learned(String template, Conversation conversation) {
        return pieces(mask(file(template), conversation));
    }

    private static Masked mask(ChatTemplate template, Conversation conversation) {
        return only(AssistantMask.of(conversation, 0, template, TOKENIZER, Answers.ALL));
    }

    private static Masked only(List<Masked> rows) {
        assertEquals(1, rows.size(), "one row");
        return rows.getFirst();
    }

    private static ChatTemplate inline(String source) {
        try {
            Path file = Files.createTempFile("template", ".jinja");
            Files.writeString(file, source);
            ChatTemplate template = ChatTemplate.of(TOKENIZER, file);
            Files.delete(file);
            return template;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static ChatTemplate file(String name) {
        return ChatTemplate.of(TOKENIZER, TEMPLATES.resolve(name + ".jinja"));
    }

    private static JsonObject call(String function, String content) {
        return Json.parse(
                        "{\"role\": \"assistant\", \"tool_calls\": [{\"type\": \"function\", \"function\":"
                                + " {\"name\": \"%s\", \"arguments\": {\"a\": 2, \"b\": 2}}}]}".formatted(function),
                        "test")
                .asObject()
                .with("content", content);
    }

    private static JsonObject message(String role, String content) {
        return Conversation.message(role, content);
    }

    private static Conversation talk(JsonObject... messages) {
        return Conversation.of(List.of(messages));
    }

    /// The learned parts as text.
    private static List<String> pieces(Masked masked) {
        List<String> pieces = new ArrayList<>();
        int start = 0;
        for (int token = 0; token <= masked.assistant().length; token++) {
            boolean inside = token < masked.assistant().length && masked.assistant()[token];
            if (!inside) {
                if (token > start) {
                    int[] ids = java.util.Arrays.copyOfRange(masked.tokens().ids(), start, token);
                    pieces.add(TOKENIZER.decodeWithSpecialTokens(ids));
                }
                start = token + 1;
            }
        }
        return pieces;
    }

    private static String text(Masked masked, boolean learned) {
        int[] ids = java.util.stream.IntStream.range(0, masked.assistant().length)
                .filter(token -> masked.assistant()[token] == learned)
                .map(token -> masked.tokens().ids()[token])
                .toArray();
        return TOKENIZER.decodeWithSpecialTokens(ids);
    }
}
