package dev.bowline.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.text.AssistantMask.Masked;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Special tokens, ids and trained text are those of transformers' AutoTokenizer and TRL's SFTTrainer, whatever
/// files lie around a tokenizer.json. The golden file is made by tools/make_tokenizer_shapes.py.
class TokenizerShapesTest {

    private static final Path FIXTURES = Path.of("src/test/resources/fixtures/tokenizers");

    @TempDir
    private Path directory = Path.of("");

    static Stream<JsonObject> shapes() {
        List<JsonObject> cases = Json.parse(FIXTURES.resolve("shapes.json"))
                .asObject()
                .requireArray("cases")
                .objects();
        assertTrue(cases.size() > 30);
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void tokensIdsAndLabelsAreThoseOfTheReference(JsonObject shape) throws IOException {
        try (Tokenizer tokenizer = open(shape)) {
            Map<String, String> special = new TreeMap<>();
            shape.requireObject("special").fields().forEach((name, text) -> special.put(name, text.asString()));

            assertEquals(special, new TreeMap<>(tokenizer.specialTokens()));
            assertEquals(shape.requireInt("size"), tokenizer.vocabularySize());
            for (JsonObject text : objects(shape, "texts")) {
                String written = text.requireString("text");
                List<Integer> plain = text.requireArray("plain").ints();
                assertEquals(plain, list(tokenizer.encode(written)), written);
                List<Integer> added = text.requireArray("added").ints();
                assertEquals(
                        added, list(tokenizer.encodeWithSpecialTokens(written).ids()));
                if (added.subList(added.size() - plain.size(), added.size()).equals(plain)) {
                    assertEquals(added, list(tokenizer.encodePrompt(written)));
                }
                assertEquals(text.requireString("hidden"), tokenizer.decode(tokenizer.encode(written)));
            }
            for (JsonObject row : objects(shape, "rows")) {
                JsonObject written = row.requireObject("row");
                Masked masked = written.has("text")
                        ? PlainText.text(written.requireString("text"), tokenizer)
                        : PlainText.completion(
                                written.requireString("prompt"), written.requireString("completion"), tokenizer);
                assertEquals(
                        row.requireArray("ids").ints(), list(masked.tokens().ids()), written.toString());
                assertEquals(row.requireArray("labels").ints(), labels(masked), written.toString());
            }
        }
    }

    @Test
    void aPromptThatBeginsWithTheTokenItselfIsLeftAsItIs() {
        try (Tokenizer tokenizer = Tokenizer.open(FIXTURES.resolve("byte_fallback"))) {
            assertEquals(list(tokenizer.encode("<bos>a")), list(tokenizer.encodePrompt("<bos>a")));
            assertEquals(list(tokenizer.encode("<bos>a")), list(tokenizer.encodePrompt("a")));
        }
    }

    private static List<JsonObject> objects(JsonObject shape, String key) {
        return shape.has(key) ? shape.requireArray(key).objects() : List.of();
    }

    private static List<Integer> list(int[] ids) {
        return Arrays.stream(ids).boxed().toList();
    }

    private static List<Integer> labels(Masked masked) {
        return IntStream.range(0, masked.assistant().length)
                .map(token -> masked.assistant()[token] ? masked.tokens().ids()[token] : -100)
                .boxed()
                .toList();
    }

    private Tokenizer open(JsonObject shape) throws IOException {
        Path base = FIXTURES.resolve(shape.requireString("base")).resolve("tokenizer.json");
        JsonObject json = Json.parse(base).asObject().with("truncation", JsonValue.absent());
        if (!shape.requireBoolean("padding")) {
            json = json.with("padding", JsonValue.absent());
        }
        if (shape.has("post_processor")) {
            json = json.with("post_processor", shape.require("post_processor"));
        }
        Files.writeString(directory.resolve("tokenizer.json"), Json.compact(json));
        Map<String, String> files = Map.of(
                "config", "tokenizer_config.json", "map", "special_tokens_map.json", "added", "added_tokens.json");
        for (var file : files.entrySet()) {
            if (shape.has(file.getKey()) && !(shape.require(file.getKey()) instanceof JsonNull)) {
                Files.writeString(directory.resolve(file.getValue()), Json.compact(shape.require(file.getKey())));
            }
        }
        JsonObject config = JsonObject.of().with("model_type", shape.requireString("model"));
        Files.writeString(directory.resolve("config.json"), Json.compact(config));
        return Tokenizer.open(directory);
    }
}
