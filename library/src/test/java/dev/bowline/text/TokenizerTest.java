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
import dev.bowline.text.jinja.Span;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
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

                TokenizedText tokens = tokenizer.encodeWithSpans(text);

                assertArrayEquals(ids(golden, "ids"), tokens.ids(), text);
                assertEquals(spans(golden), spans(tokens), text);
                assertEquals(golden.requireString("shown"), tokenizer.decodeWithSpecialTokens(tokens.ids()));
                assertEquals(golden.requireString("hidden"), tokenizer.decode(tokens.ids()));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"byte_fallback", "byte_level"})
    void streamedTextIsTheDecodedTextAndNeverHoldsHalfACharacter(String name) {
        try (Tokenizer tokenizer = open(name)) {
            for (JsonObject golden : cases(name)) {
                TextStream stream = new TextStream(tokenizer);
                StringBuilder streamed = new StringBuilder();

                for (int id : ids(golden, "ids")) {
                    String piece = stream.add(id);
                    assertFalse(piece.contains("\uFFFD"), golden.toString());
                    streamed.append(piece);
                }
                assertEquals("", stream.finish());

                assertEquals(golden.requireString("hidden"), streamed.toString());
            }
        }
    }

    @Test
    void halfOfACharacterIsRefusedByEveryEncoding() {
        String half = "a" + (char) 0xD83D;
        try (Tokenizer tokenizer = open("byte_level")) {
            for (Executable encoding :
                    List.<Executable>of(() -> tokenizer.encode(half), () -> tokenizer.encodeWithSpans(half))) {
                BowlineException refused = assertThrows(BowlineException.class, encoding);

                assertTrue(
                        refused.problem().contains("an unpaired surrogate, U+D83D, at unit 1 of 2"), refused.problem());
            }
            assertTrue(tokenizer.encode(half + (char) 0xDE00).length > 0);
        }
    }

    @Test
    void anEmojiComesOutWholeWithItsLastByte() {
        try (Tokenizer tokenizer = open("byte_fallback")) {
            TextStream stream = new TextStream(tokenizer);
            List<String> pieces = new ArrayList<>();

            for (int id : tokenizer.encode("😀a")) {
                pieces.add(stream.add(id));
            }

            assertEquals(List.of("", "", "", "😀", "a"), pieces);
        }
    }

    @Test
    void bytesThatNeverBecomeACharacterComeOutAtTheEnd() {
        try (Tokenizer tokenizer = open("byte_fallback")) {
            TextStream stream = new TextStream(tokenizer);
            int[] emoji = tokenizer.encode("😀");

            assertEquals("", stream.add(emoji[0]));
            assertEquals("\uFFFD", stream.finish());
            assertEquals("Hello", stream.add(tokenizer.encode("Hello")[0]));
        }
    }

    @Test
    void aHiddenSpecialTokenDoesNotDisturbTheStream() {
        try (Tokenizer tokenizer = open("byte_level")) {
            TextStream stream = new TextStream(tokenizer);
            StringBuilder streamed = new StringBuilder();

            for (int id : tokenizer.encode("<|im_start|>a b<|im_end|> c")) {
                streamed.append(stream.add(id));
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
            assertEquals(Optional.of(2), gemma.specialTokenId("bos_token"));
            assertEquals(Optional.of("<pad>"), gemma.specialToken("pad_token"));
            assertEquals(Optional.empty(), gemma.specialToken("add_bos_token"));
            assertEquals(Optional.empty(), qwen.specialToken("bos_token"));
            assertEquals(Optional.of("<|im_end|>"), qwen.specialToken("eos_token"));
        }
    }

    @Test
    void aLongTextIsNotTruncated() {
        String text = "one two three ".repeat(5000);
        try (Tokenizer tokenizer = open("byte_level")) {
            int[] ids = tokenizer.encode(text);

            assertTrue(ids.length > 15_000, "%d tokens".formatted(ids.length));
            assertEquals(text, tokenizer.decodeWithSpecialTokens(ids));
        }
    }

    @Test
    void threadsMayShareATokenizer() {
        try (Tokenizer tokenizer = open("byte_fallback")) {
            int[] expected = tokenizer.encode("Hello there 😀");

            IntStream.range(0, 200)
                    .parallel()
                    .forEach(_ -> assertArrayEquals(expected, tokenizer.encode("Hello there 😀")));
        }
    }

    @Test
    void aDirectoryWithoutATokenizerSaysHowToMakeOne(@TempDir Path directory) {
        BowlineException refused = assertThrows(BowlineException.class, () -> Tokenizer.open(directory));

        assertTrue(refused.problem().contains("no tokenizer.json"), refused.problem());
    }

    @Test
    void aDirectoryThatIsNotThereIsNamed(@TempDir Path directory) {
        Path gone = directory.resolve("gone");

        BowlineException refused = assertThrows(BowlineException.class, () -> Tokenizer.open(gone));

        assertEquals("there is no directory " + gone, refused.problem());
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
