package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// No command lets a text from a file steer the terminal, on either stream, and JSON keeps its meaning.
class PrintableWriterTest {

    /// Escape, its 8-bit form, backspace, bell, delete, carriage return, and marks that reorder or hide text.
    private static final String HOSTILE =
            "\u001b[2J\u009b31m\b\u0007\u007f\rX\u202e\u2066\u200f\u2028\ufeff\udb40\udc41";

    /// Text that people write: Persian with a joiner, a family of emoji, accents, a tab.
    private static final String HONEST =
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \ud83d\udc68\u200d\ud83d\udc67 e\u0301\t\u00e9";

    private static final IntPredicate STEERS = each -> each < ' ' && each != '\n' && each != '\t'
            || each >= 0x7f && each < 0xa0
            || "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff"
                            .indexOf(each)
                    >= 0
            || each >= 0xe0000 && each < 0xe0080;

    @TempDir
    private Path directory = Path.of("");

    private static String printed(String... pieces) {
        StringWriter out = new StringWriter();
        Console console = Console.of(new StringReader(""), out, new StringWriter());
        for (String piece : pieces) {
            console.print(piece);
        }
        return out.toString();
    }

    @Test
    void whatPeopleWriteIsUnchangedHoweverItIsCut() {
        assertEquals(HONEST, printed(HONEST));
        assertEquals(HONEST, printed(HONEST.split("")));
        assertEquals("a\r\nb\n", printed("a\r", "\nb\n"));
    }

    @Test
    void whatSteersIsEscapedHoweverItIsCut() {
        String whole = printed(HOSTILE);

        assertTrue(whole.codePoints().noneMatch(STEERS), whole);
        assertTrue(whole.startsWith("\\u001b[2J\\u009b31m\\u0008"), whole);
        assertEquals(whole, printed(HOSTILE.split("")));
        assertEquals(HOSTILE, Json.parse("\"" + whole + "\"", "escapes").asString());
    }

    @ParameterizedTest
    @CsvSource({"\ud83d, x, \\ud83dx", "\udc68, x, \\udc68x"})
    void halfASurrogatePairIsEscaped(String first, String second, String expected) {
        assertEquals(expected, printed(first, second));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "inspect DIR",
                "inspect DIR --json",
                "audit DIR",
                "audit DIR --json",
                "audit DIR DIR --html DIR/page.html",
                "repair DIR --in-place",
                "generate DIR --prompt x",
                "logits DIR --input DIR/config.json --output out",
                "explain DIR/recipe.yaml",
                "finetune DIR/recipe.yaml"
            })
    void noCommandShowsWhatTheFilesHide(String line) throws IOException {
        Files.writeString(
                directory.resolve("config.json"),
                JsonObject.of()
                        .with("architectures", JsonArray.ofStrings(List.of("Llama" + HOSTILE)))
                        .with("model_type", HOSTILE)
                        .with("tie_word_embeddings", true)
                        .toString());
        SafetensorsWriter.write(
                directory.resolve("model.safetensors"),
                List.of(new TensorSource(
                        "model." + HOSTILE,
                        SafetensorsType.BF16,
                        List.of(4L),
                        TensorBytes.of(MemorySegment.ofArray(new byte[8])))),
                Map.of("format", "pt"),
                Set.of());
        Files.writeString(directory.resolve("tokenizer.json"), "{}");
        Files.writeString(
                directory.resolve("recipe.yaml"), "\"mo\\u202edel\\e\": 1\nmodel: {\"x\\e[31m\": \"\\u202e\\e\"}\n");
        String[] arguments = line.replace("DIR", directory.toString()).split(" ");

        Ran ran = Ran.bowline(arguments);

        assertTrue(!(ran.out() + ran.err()).isEmpty());
        assertTrue(ran.out().codePoints().noneMatch(STEERS), ran.out());
        assertTrue(ran.err().codePoints().noneMatch(STEERS), ran.err());
    }
}
