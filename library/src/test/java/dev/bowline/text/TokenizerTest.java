package dev.bowline.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.text.Tokenizer.SpecialTokens;
import dev.bowline.text.jinja.Span;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A tokenizer does what the Python library does with the same file, and what neither truncates nor pads.
/// The fixtures are made by tools/make_tokenizer_fixtures.py.
class TokenizerTest {

    private static final Path TOKENIZERS = Path.of("src/test/resources/fixtures/tokenizers");

    @ParameterizedTest
    @ValueSource(strings = {"byte_fallback", "byte_level"})
    void idsSpansAndTextsAreThoseOfThePythonLibrary(String name) {
        try (Tokenizer tokenizer = open(name)) {
            for (JsonObject golden : cases(name)) {
                String text = golden.requireString("text");

                TokenizedText tokens = tokenizer.encode(text);

                assertArrayEquals(ids(golden, "ids"), tokens.ids(), text);
                assertEquals(spans(golden), spans(tokens), text);
                assertArrayEquals(
                        ids(golden, "with_special_tokens"),
                        tokenizer.encodeWithSpecialTokens(text).ids(),
                        text);
                assertEquals(golden.requireString("shown"), tokenizer.decode(tokens.ids(), SpecialTokens.SHOWN));
                assertEquals(golden.requireString("hidden"), tokenizer.decode(tokens.ids(), SpecialTokens.HIDDEN));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"byte_fallback", "byte_level"})
    void streamedTextIsTheDecodedTextAndNeverHoldsHalfACharacter(String name) {
        try (Tokenizer tokenizer = open(name)) {
            for (JsonObject golden : cases(name)) {
                TokenStream stream = tokenizer.stream(SpecialTokens.SHOWN);
                StringBuilder streamed = new StringBuilder();

                for (int id : ids(golden, "ids")) {
                    String piece = stream.accept(id);
                    assertFalse(piece.contains("\uFFFD"), golden.toString());
                    streamed.append(piece);
                }
                assertEquals("", stream.flush());

                assertEquals(golden.requireString("shown"), streamed.toString());
            }
        }
    }

    @Test
    void anEmojiComesOutWholeWithItsLastByte() {
        try (Tokenizer tokenizer = open("byte_fallback")) {
            TokenStream stream = tokenizer.stream(SpecialTokens.HIDDEN);
            List<String> pieces = new ArrayList<>();

            for (int id : tokenizer.encode("😀a").ids()) {
                pieces.add(stream.accept(id));
            }

            assertEquals(List.of("", "", "", "😀", "a"), pieces);
        }
    }

    @Test
    void bytesThatNeverBecomeACharacterComeOutAtTheEnd() {
        try (Tokenizer tokenizer = open("byte_fallback")) {
            TokenStream stream = tokenizer.stream(SpecialTokens.HIDDEN);
            int[] emoji = tokenizer.encode("😀").ids();

            assertEquals("", stream.accept(emoji[0]));
            assertEquals("\uFFFD", stream.flush());
            assertEquals("Hello", stream.accept(tokenizer.encode("Hello").id(0)));
        }
    }

    @Test
    void aHiddenSpecialTokenDoesNotDisturbTheStream() {
        try (Tokenizer tokenizer = open("byte_level")) {
            TokenStream stream = tokenizer.stream(SpecialTokens.HIDDEN);
            StringBuilder streamed = new StringBuilder();

            for (int id : tokenizer.encode("<|im_start|>a b<|im_end|> c").ids()) {
                streamed.append(stream.accept(id));
            }

            assertEquals("a b c", streamed.toString());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"byte_fallback", "byte_level"})
    void theVocabularyCountsAddedTokens(String name) {
        JsonObject golden =
                Json.parse(TOKENIZERS.resolve(name).resolve("golden.json")).asObject();
        try (Tokenizer tokenizer = open(name)) {
            assertEquals(golden.requireInt("vocabulary"), tokenizer.vocabularySize());
        }
    }

    @Test
    void namedTokensAreFoundInTheirSpellings() {
        try (Tokenizer gemma = open("byte_fallback");
                Tokenizer qwen = open("byte_level")) {
            assertEquals(Optional.of(new SpecialToken("<bos>", 2)), gemma.bos());
            assertEquals(Optional.of(new SpecialToken("<pad>", 0)), gemma.pad());
            assertEquals("<|image|>", gemma.namedTokens().get("image_token"));
            assertFalse(gemma.namedTokens().containsKey("add_bos_token"));
            assertEquals(Optional.empty(), qwen.bos());
            assertEquals("<|im_end|>", qwen.eos().orElseThrow().text());
            assertEquals(qwen.id("<|im_end|>"), qwen.eos().map(SpecialToken::id));
        }
    }

    @Test
    void aLongTextIsNotTruncated() {
        String text = "one two three ".repeat(5000);
        try (Tokenizer tokenizer = open("byte_level")) {
            int[] ids = tokenizer.encode(text).ids();

            assertTrue(ids.length > 15_000, "%d tokens".formatted(ids.length));
            assertEquals(text, tokenizer.decode(ids, SpecialTokens.SHOWN));
        }
    }

    @Test
    void threadsMayShareATokenizer() {
        try (Tokenizer tokenizer = open("byte_fallback")) {
            int[] expected = tokenizer.encode("Hello there 😀").ids();

            IntStream.range(0, 200)
                    .parallel()
                    .forEach(_ -> assertArrayEquals(
                            expected, tokenizer.encode("Hello there 😀").ids()));
        }
    }

    @Test
    void aDirectoryWithoutATokenizerSaysHowToMakeOne(@TempDir Path directory) {
        BowlineException refused = assertThrows(BowlineException.class, () -> Tokenizer.open(directory));

        assertTrue(refused.problem().contains("no tokenizer.json"), refused.problem());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "version https://git-lfs.github.com/spec/v1",
                "{\"model\": {\"type\": \"BPE\"",
                "{}",
                "[1]",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": -1}, \"merges\": []}}",
                "{\"model\": {\"type\": \"Nonsense\", \"vocab\": {\"a\": 0}, \"merges\": []}}"
            })
    void aDamagedTokenizerIsRefusedByName(String json, @TempDir Path directory) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), json);

        BowlineException refused = assertThrows(BowlineException.class, () -> Tokenizer.open(directory));

        assertTrue(refused.problem().contains("tokenizer.json"), refused.problem());
    }

    @Test
    void aNamedTokenThatDoesNotExistIsRefused(@TempDir Path directory) throws IOException {
        Files.copy(TOKENIZERS.resolve("byte_level").resolve("tokenizer.json"), directory.resolve("tokenizer.json"));
        Files.writeString(directory.resolve("tokenizer_config.json"), "{\"eos_token\": \"<|fin|>\"}");

        BowlineException refused = assertThrows(BowlineException.class, () -> Tokenizer.open(directory));

        assertTrue(refused.problem().contains("eos_token"), refused.problem());
        assertTrue(refused.problem().contains("'<|fin|>'"), refused.problem());
    }

    private static Tokenizer open(String name) {
        return Tokenizer.open(TOKENIZERS.resolve(name));
    }

    private static List<JsonObject> cases(String name) {
        return Json.parse(TOKENIZERS.resolve(name).resolve("golden.json"))
                .asObject()
                .requireArray("cases")
                .objects();
    }

    private static int[] ids(JsonObject golden, String field) {
        return golden.requireArray(field).ints().stream().mapToInt(id -> id).toArray();
    }

    private static List<Span> spans(JsonObject golden) {
        return golden.requireArray("spans").arrays().stream()
                .map(JsonArray::ints)
                .map(ends -> new Span(ends.get(0), ends.get(1)))
                .toList();
    }

    private static List<Span> spans(TokenizedText tokens) {
        return IntStream.range(0, tokens.size()).mapToObj(tokens::span).toList();
    }
}
