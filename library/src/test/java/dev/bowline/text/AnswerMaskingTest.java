package dev.bowline.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.text.MaskedConversation.EndOfTurn;
import dev.bowline.text.Tokenizer.SpecialTokens;
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
class AnswerMaskingTest {

    private static final Path TEMPLATES = Path.of("src/test/resources/jinja/templates");
    private static final Tokenizer TOKENIZER =
            Tokenizer.open(Path.of("src/test/resources/fixtures/tokenizers/byte_fallback"));

    /// Two are for answers with thoughts, one cuts answers short.
    private static final Set<String> NOT_FOR_PLAIN_CHAT = Set.of("deepseek_r1", "qwen3_thinking", "minitron_recursive");

    private static final Conversation TWO_ANSWERS = Conversation.of(
            Message.system("Be brief."),
            Message.user("Hi 😀"),
            Message.assistant("Hello!"),
            Message.user("2+2?"),
            Message.assistant("4 🪢"));

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

        MaskedConversation masked = mask(inline(template), TWO_ANSWERS);

        assertEquals(List.of("Hello!<|im_end|>", "4 🪢<|im_end|>"), pieces(masked));
        assertEquals(EndOfTurn.TRAINED, masked.endOfTurn());
    }

    @Test
    void aTokenThatOpensTheNextTurnIsNoEndOfTurn() {
        String template = "{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|>"
                + "{% generation %}{{ m.content }}{% endgeneration %}{% else %}<|user|>{{ m.content }}{% endif %}{% endfor %}";

        MaskedConversation masked = mask(inline(template), TWO_ANSWERS);

        assertEquals(List.of("Hello!", "4 🪢"), pieces(masked));
        assertEquals(EndOfTurn.MISSING, masked.endOfTurn());
    }

    @Test
    void aTemplateWithoutAnEndOfTurnTokenIsReported() {
        MaskedConversation masked = mask(file("exaone"), TWO_ANSWERS);

        assertEquals(EndOfTurn.MISSING, masked.endOfTurn());
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
        MaskedConversation masked = mask(file("gemma4"), TWO_ANSWERS);

        assertEquals(List.of("Hello!<turn|>", "4 🪢<turn|>"), pieces(masked));
        assertEquals(2, masked.insertedPrompts());
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
                """, TOKENIZER.decode(masked.ids(), SpecialTokens.SHOWN));
    }

    @Test
    void nothingIsInsertedWhereThePromptIsAlreadyThere() {
        ChatOptions thinking = ChatOptions.complete().with(JsonObject.of().with("enable_thinking", true));

        MaskedConversation masked =
                new AnswerMasking(TOKENIZER, file("gemma4"), thinking, AnswerScope.EVERY_ANSWER).mask(TWO_ANSWERS);

        assertEquals(0, masked.insertedPrompts());
        assertEquals(List.of("Hello!<turn|>", "4 🪢<turn|>"), pieces(masked));
    }

    @Test
    void aTemplateThatRewritesEarlierAnswersIsRefusedWithTheWayOut() {
        Conversation thoughtful = Conversation.of(
                Message.user("Hi"),
                Message.assistant("<think>\nhm\n</think>\n\nHello"),
                Message.user("And?"),
                Message.assistant("<think>\nah\n</think>\n\nThere"));

        BowlineException refused = assertThrows(BowlineException.class, () -> mask(file("qwen3_thinking"), thoughtful));

        assertTrue(refused.problem().contains("first 2 turns differently"), refused.problem());
        assertTrue(refused.fix().contains("last answer only"), refused.fix());
    }

    @Test
    void theLastAnswerCanBeLearnedAlone() {
        Conversation thoughtful = Conversation.of(
                Message.user("Hi"),
                Message.assistant("<think>\nhm\n</think>\n\nHello"),
                Message.user("And?"),
                Message.assistant("<think>\nah\n</think>\n\nThere"));
        AnswerMasking lastOnly =
                new AnswerMasking(TOKENIZER, file("qwen3_thinking"), ChatOptions.complete(), AnswerScope.LAST_ANSWER);

        assertEquals(List.of("<think>\nah\n</think>\n\nThere<|im_end|>"), pieces(lastOnly.mask(thoughtful)));
    }

    @Test
    void eachAnswerAloneIsPrintedAsItWillBeAskedFor() {
        Conversation thoughtful = Conversation.of(
                Message.user("Hi"),
                Message.assistant("<think>\nhm\n</think>\n\nHello"),
                Message.user("And?"),
                Message.assistant("<think>\nah\n</think>\n\nThere"));
        AnswerMasking alone = new AnswerMasking(
                TOKENIZER, file("qwen3_thinking"), ChatOptions.complete(), AnswerScope.EACH_ANSWER_ALONE);

        List<List<String>> learned = AnswerScope.EACH_ANSWER_ALONE.examples(thoughtful).stream()
                .map(alone::mask)
                .map(AnswerMaskingTest::pieces)
                .toList();

        assertEquals(
                List.of(
                        List.of("<think>\nhm\n</think>\n\nHello<|im_end|>"),
                        List.of("<think>\nah\n</think>\n\nThere<|im_end|>")),
                learned);
    }

    @Test
    void aPromptThatOpensAThoughtTheAnswerLacksIsRefused() {
        BowlineException refused = assertThrows(BowlineException.class, () -> mask(file("deepseek_r1"), TWO_ANSWERS));

        assertTrue(refused.problem().contains("opens an answer with '<think>\\n'"), refused.problem());
    }

    @Test
    void theLastOfSeveralBlocksIsTheLastAnswer() {
        AnswerMasking lastOnly = new AnswerMasking(
                TOKENIZER, file("chatml_generation"), ChatOptions.complete(), AnswerScope.LAST_ANSWER);

        assertEquals(List.of("4 🪢<|im_end|>"), pieces(lastOnly.mask(TWO_ANSWERS)));
    }

    @Test
    void anAnswerOfWeightZeroIsOnlyRead() {
        Message unweighted = new Message(Message.assistant("Hello!").fields().with("weight", 0));
        Conversation conversation =
                Conversation.of(Message.user("Hi"), unweighted, Message.user("2+2?"), Message.assistant("4"));

        assertEquals(List.of("4<|im_end|>"), learned("chatml", conversation));
        assertEquals(List.of("4<|im_end|>"), learned("chatml_generation", conversation));
    }

    @Test
    void aToolCallIsAnAnswerAndItsResultIsNot() {
        JsonObject call = Json.parse(
                        "{\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"type\": \"function\", \"function\":"
                                + " {\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": 2}}}]}",
                        "test")
                .asObject();
        Conversation conversation = Conversation.of(
                Message.user("2+2?"), new Message(call), Message.of("tool", "4"), Message.assistant("Four"));

        assertEquals(
                List.of(
                        "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": 2}}\n</tool_call><|im_end|>",
                        "Four<|im_end|>"),
                learned("qwen25_tools", conversation));
    }

    @Test
    void aConversationWithoutAnAnswerTeachesNothing() {
        assertEquals(
                0, mask(file("chatml"), Conversation.of(Message.user("Hi"))).answerTokens());
    }

    @Test
    void whatTheAssistantIsPromptedWithIsNotLearned() {
        MaskedConversation masked = mask(file("chatml"), TWO_ANSWERS);
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
        Conversation conversation = Conversation.of(
                Message.user("What is one"),
                Message.assistant("It is seven"),
                Message.user("And two"),
                Message.assistant("It is eight"));

        List<String> pieces = learned(name, conversation);

        assertEquals(2, pieces.size(), pieces.toString());
        assertTrue(pieces.get(0).contains("It is seven"), pieces.toString());
        assertTrue(pieces.get(1).contains("It is eight"), pieces.toString());
        assertFalse(String.join("", pieces).matches("(?s).*(What|And|two).*"), pieces.toString());
    }

    private static List<String> learned(String template, Conversation conversation) {
        return pieces(mask(file(template), conversation));
    }

    private static MaskedConversation mask(ChatTemplate template, Conversation conversation) {
        return new AnswerMasking(TOKENIZER, template, ChatOptions.complete(), AnswerScope.EVERY_ANSWER)
                .mask(conversation);
    }

    private static ChatTemplate inline(String source) {
        return ChatTemplate.of("test", source, TOKENIZER.namedTokens());
    }

    private static ChatTemplate file(String name) {
        try {
            return inline(Files.readString(TEMPLATES.resolve(name + ".jinja")));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /// The learned parts as text.
    private static List<String> pieces(MaskedConversation masked) {
        List<String> pieces = new ArrayList<>();
        int start = 0;
        for (int token = 0; token <= masked.size(); token++) {
            boolean inside = token < masked.size() && masked.isAnswer(token);
            if (!inside) {
                if (token > start) {
                    int[] ids = java.util.Arrays.copyOfRange(masked.ids(), start, token);
                    pieces.add(TOKENIZER.decode(ids, SpecialTokens.SHOWN));
                }
                start = token + 1;
            }
        }
        return pieces;
    }

    private static String text(MaskedConversation masked, boolean learned) {
        int[] ids = java.util.stream.IntStream.range(0, masked.size())
                .filter(token -> masked.isAnswer(token) == learned)
                .map(masked::id)
                .toArray();
        return TOKENIZER.decode(ids, SpecialTokens.SHOWN);
    }
}
