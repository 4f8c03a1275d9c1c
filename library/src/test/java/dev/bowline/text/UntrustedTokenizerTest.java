package dev.bowline.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// No tokenizer.json and no text ends this process: files with which the native library can panic or not return are
/// used in a process of their own.
class UntrustedTokenizerTest {

    private static final Path TOKENIZERS = Path.of("src/test/resources/fixtures/tokenizers");

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "normalizer; {'type': 'Precompiled', 'precompiled_charsmap': 'AQAAAA=='}",
                "normalizer; {'type': 'Replace', 'pattern': {'Regex': '(a+)+$'}, 'content': 'b'}",
                "pre_tokenizer; {'type': 'FixedLength', 'length': 0}",
                "pre_tokenizer; {'type': 'Split', 'pattern': {'Regex': '(a+)+$'}, 'behavior': 'Isolated'}",
                "pre_tokenizer; {'type': 'Sequence', 'pretokenizers': [{'type': 'Sequence', 'pretokenizers': [{'type': 'Split', 'pattern': {'Regex': 'a+b'}}]}]}",
                "decoder; {'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 2}",
                "decoder; {'type': 'NotYetInvented'}",
                "post_processor; {'type': 'TemplateProcessing', 'single': [{'SpecialToken': {'id': '<s>'}}], 'special_tokens': {}}",
                "model; {'type': 'BPE', 'continuing_subword_prefix': '##', 'vocab': {}}",
            })
    void aPartThatCanEndTheProcessIsARisk(String key, String part) {
        JsonObject tokenizer = JsonObject.of()
                .with("model", JsonObject.of().with("type", "BPE"))
                .with(key, Json.parse(part.replace('\'', '"'), "tokenizer.json"));

        assertTrue(NativeTokenizerRisk.in(tokenizer).isPresent());
    }

    @ParameterizedTest
    @ValueSource(strings = {"byte_fallback", "byte_level"})
    void theTokenizersOfPublishedFamiliesAreNone(String name) {
        JsonObject tokenizer =
                Json.parse(TOKENIZERS.resolve(name).resolve("tokenizer.json")).asObject();

        assertEquals(Optional.empty(), NativeTokenizerRisk.in(tokenizer));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tokenizer.json",
                "tokenizer_config.json",
                "special_tokens_map.json",
                "chat_template.jinja",
                "generation_config.json",
            })
    void aNameThatIsNoRegularFileIsNotTakenForAbsent(String name) throws IOException {
        Files.copy(TOKENIZERS.resolve("byte_level/tokenizer.json"), directory.resolve("tokenizer.json"));
        Files.writeString(directory.resolve("config.json"), "{}");
        Files.deleteIfExists(directory.resolve(name));
        Files.createDirectory(directory.resolve(name));

        BowlineException refused = assertThrows(BowlineException.class, () -> {
            Tokenizer.open(directory).close();
            TemplateFiles.find(directory);
            StopTokens.in(directory);
        });

        assertEquals(directory.resolve(name) + " is a directory, not a file", refused.problem());
    }

    @Test
    void aPatternThatDoesNotReturnIsAMessageWhenATextMeetsIt() throws IOException {
        writeWith(
                "pre_tokenizer",
                "{'type': 'Sequence', 'pretokenizers': ["
                        + "{'type': 'Split', 'pattern': {'Regex': '(a+)+$'}, 'behavior': 'Isolated', 'invert': false},"
                        + "{'type': 'ByteLevel', 'add_prefix_space': false, 'trim_offsets': false, 'use_regex': false}]}");

        try (Tokenizer tokenizer = Tokenizer.open(directory);
                Tokenizer plain = Tokenizer.open(TOKENIZERS.resolve("byte_level"))) {
            String text = "Grüße 😀 aus Zürich";
            assertEquals(text, tokenizer.decode(tokenizer.encode(text)), "a process of its own computes the same");
            assertEquals(
                    plain.decodeWithSpecialTokens(new int[] {2, 3}),
                    tokenizer.decodeWithSpecialTokens(new int[] {2, 3}));
            BowlineException refused =
                    assertThrows(BowlineException.class, () -> tokenizer.encode("a".repeat(40) + "b"));

            assertEquals(
                    "%s has a Split pre-tokenizer with an unknown regular expression, with which the tokenizers library"
                                    .formatted(directory.resolve("tokenizer.json"))
                            + " ends its process: Onig: Regex search error: retry-limit-in-match over",
                    refused.problem());
            assertEquals(
                    refused.problem(),
                    assertThrows(BowlineException.class, () -> tokenizer.encode("a"))
                            .problem());
        }
    }

    @Test
    void aMapThatIsTooShortIsAMessage() throws IOException {
        writeWith("normalizer", "{'type': 'Precompiled', 'precompiled_charsmap': ''}");

        BowlineException refused = assertThrows(BowlineException.class, () -> Tokenizer.open(directory));

        assertTrue(refused.problem().contains("ends its process: Precompiled: "), refused.problem());
    }

    @Test
    void aTokenThatTheVocabularyLacksIsAMessage() throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), """
                {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
                 "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "<unk>"}}""");
        try (Tokenizer tokenizer = Tokenizer.open(directory)) {
            assertArrayEquals(new int[] {0, 0}, tokenizer.encode("a a"));
            BowlineException refused = assertThrows(BowlineException.class, () -> tokenizer.encode("b"));

            assertEquals(
                    "%s cannot encode a text: WordLevel error: Missing [UNK] token from the vocabulary"
                            .formatted(directory.resolve("tokenizer.json")),
                    refused.problem());
        }
    }

    private void writeWith(String key, String part) throws IOException {
        JsonObject tokenizer =
                Json.parse(TOKENIZERS.resolve("byte_level/tokenizer.json")).asObject();
        Files.writeString(
                directory.resolve("tokenizer.json"),
                Json.compact(tokenizer.with(key, Json.parse(part.replace('\'', '"'), "part"))));
    }
}
