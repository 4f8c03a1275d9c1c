package dev.bowline.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What is read is what was written: order, number text and place. What cannot be read is refused by place.
class JsonTest {

    @TempDir
    Path directory;

    @Test
    void everyValueKnowsItsPlace() {
        JsonObject config = Json.parse("""
                {
                  "text_config": {"layer_types": ["a", "b"]},
                  "n": 5
                }""", "config.json").asObject();

        JsonLocation second = config.requireObject("text_config")
                .requireArray("layer_types")
                .get(1)
                .location();

        assertEquals("config.json", second.source());
        assertEquals("text_config.layer_types[1]", second.path());
        assertEquals(2, second.line());
        assertEquals(40, second.column());
        assertEquals("config.json:3:8 (n)", config.require("n").location().toString());
        assertEquals("config.json:1:1", config.location().toString());
    }

    @Test
    void aNestedArrayHasAPathOfItsOwn() {
        JsonArray rows = Json.parse("[[1], [2, 3]]", "rows").asArray();

        assertEquals("[1][1]", rows.arrays().get(1).get(1).location().path());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1e-06",
                "-0",
                "-0.0",
                "1.0",
                "1E+400",
                "0.1000",
                "1000000000000000019884624838656",
                "NaN",
                "Infinity",
                "-Infinity"
            })
    void aNumberKeepsItsText(String text) {
        JsonValue value = Json.parse("{\"x\": " + text + "}", "t");

        assertEquals("{\"x\":" + text + "}", Json.compact(value));
    }

    @Test
    void keysKeepTheirOrderAndChangesHappenInPlace() {
        JsonObject object = Json.parse("{\"z\": 1, \"a\": 2, \"m\": 3}", "t").asObject();

        JsonObject changed =
                object.with("a", "two").with("new", true).without("z").without("never there");

        assertEquals("{\"a\":\"two\",\"m\":3,\"new\":true}", Json.compact(changed));
        assertEquals("{\"z\":1,\"a\":2,\"m\":3}", Json.compact(object));
    }

    @Test
    void prettyTextIsAsPythonWritesIt() {
        JsonValue value = JsonObject.of()
                .with("empty", JsonObject.of())
                .with("none", JsonValue.of(List.of()))
                .with("list", JsonArray.ofLongs(List.of(1L, 2L)))
                .with("text", "é\n\"\\\u0001/\ud83d\ude00")
                .with("rate", 1e-6)
                .with("null", JsonValue.absent());

        assertEquals("""
                {
                  "empty": {},
                  "none": [],
                  "list": [
                    1,
                    2
                  ],
                  "text": "é\\n\\"\\\\\\u0001/😀",
                  "rate": 1e-06,
                  "null": null
                }
                """, Json.pretty(value));
    }

    @Test
    void whatIsWrittenReadsBackEqual() {
        JsonValue value =
                Json.parse("{\"a\": [1, -2.5e-3, \"x\\ud800y\", {\"b\": null, \"c\": false}], \"π\": NaN}", "t");

        assertEquals(value, Json.parse(Json.compact(value), "compact"));
        assertEquals(value, Json.parse(Json.pretty(value), "pretty"));
        assertEquals(value.hashCode(), Json.parse(Json.pretty(value), "pretty").hashCode());
    }

    @Test
    void aLoneSurrogateSurvivesAFile() throws Exception {
        JsonValue value = JsonValue.of("a\ud800b\udc00c");
        Path file = directory.resolve("lone.json");

        Files.writeString(file, Json.compact(value));

        assertEquals(value, Json.parse(file));
    }

    @ParameterizedTest
    @CsvSource({
        "0.1, 0.1",
        "1.0, 1.0",
        "100000.0, 100000.0",
        "1e15, 1000000000000000.0",
        "1e16, 1e+16",
        "123456789012345680.0, 1.2345678901234568e+17",
        "0.0001, 0.0001",
        "0.00001, 1e-05",
        "1.5e-7, 1.5e-07",
        "-2.5, -2.5",
        "-0.0, -0.0",
        "0.0, 0.0",
        "4.9E-324, 5e-324",
        "2.2250738585072014E-308, 2.2250738585072014e-308",
        "1.7976931348623157E308, 1.7976931348623157e+308",
        "2.0E23, 2e+23",
        "3.141592653589793, 3.141592653589793"
    })
    void aDoubleIsSpelledAsPythonSpellsIt(double value, String expected) {
        assertEquals(expected, JsonValue.of(value).text());
    }

    @Test
    void everyDoubleReadsBackToItself() {
        Random random = new Random(7);
        for (int i = 0; i < 20_000; i++) {
            double value = Double.longBitsToDouble(random.nextLong());

            double back = Json.parse(JsonValue.of(value).text(), "t").asDouble();

            assertEquals(Double.doubleToLongBits(value), Double.doubleToLongBits(back));
        }
    }

    @Test
    void aMissingKeyIsRefusedWithItsNeighbours() {
        JsonObject config = Json.parse("{\"text_config\": {\n  \"hidden_sizes\": 8}}", "config.json")
                .asObject();

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> config.requireObject("text_config").requireInt("hidden_size"));

        assertEquals("""
                config.json:1:17: 'text_config' has no 'hidden_size' (nearest: 'hidden_sizes'); expected a whole number
                  fix: add 'hidden_size' to 'text_config' in config.json""", refused.getMessage());
    }

    @Test
    void aValueOfAnotherTypeIsRefusedWithBoth() {
        JsonObject config =
                Json.parse("{\n  \"layers\": [4, \"four\"]\n}", "config.json").asObject();

        BowlineException refused = assertThrows(
                BowlineException.class, () -> config.requireArray("layers").ints());

        assertEquals("""
                config.json:2:17: expected a whole number for 'layers[1]', found the string "four"
                  fix: correct 'layers[1]' in config.json""", refused.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"1.0", "1e3", "2147483648", "-2147483649", "true", "null", "\"1\"", "[1]", "NaN"})
    void anIntIsAWholeNumberThatFits(String text) {
        JsonObject object = Json.parse("{\"n\": " + text + "}", "t").asObject();

        assertThrows(BowlineException.class, () -> object.requireInt("n"));
    }

    @Test
    void typesAreReadAsTheyAre() {
        JsonObject object = Json.parse(
                        "{\"int\": -3, \"long\": 9007199254740993, \"double\": 2, \"yes\": true, \"text\": \"t\","
                                + " \"inf\": -Infinity, \"list\": [1.5, 2], \"nothing\": null}",
                        "t")
                .asObject();

        assertEquals(-3, object.requireInt("int"));
        assertEquals(9007199254740993L, object.requireLong("long"));
        assertEquals(2.0, object.requireDouble("double"));
        assertTrue(object.requireBoolean("yes"));
        assertEquals("t", object.requireString("text"));
        assertEquals(Double.NEGATIVE_INFINITY, object.requireDouble("inf"));
        assertEquals(List.of(1.5, 2.0), object.requireArray("list").doubles());
        assertInstanceOf(JsonNull.class, object.require("nothing"));
    }

    @Test
    void anOptionalKeyIsEmptyWhenAbsentOrNullAndRefusedWhenWrong() {
        JsonObject object =
                Json.parse("{\"null\": null, \"n\": 4, \"text\": \"x\"}", "t").asObject();

        assertEquals(4, object.optionalInt("n").orElseThrow());
        assertFalse(object.optionalInt("null").isPresent());
        assertFalse(object.optionalInt("absent").isPresent());
        assertTrue(object.has("null"));
        assertTrue(object.get("null").isPresent());
        assertThrows(BowlineException.class, () -> object.optionalInt("text"));
        assertThrows(BowlineException.class, () -> object.optionalString("n"));
        assertThrows(BowlineException.class, () -> object.optionalObject("n"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"a\": 1, \"a\": 2}|1:10|occurs twice",
                "{\"a\": 1} x|1:10|Unrecognized token",
                "{\"a\": 1} {}|1:10|more text after the end",
                "{\"a\": [1, 2|1:12|ends in the middle",
                "{\"a\": \"tex|1:11|ends in the middle",
                "{\"a\": tru|1:7|Unrecognized token 'tru'",
                "{\"a\": 1,}|1:9|not valid JSON",
                "[1 2]|1:4|not valid JSON",
                "{'a': 1}|1:2|not valid JSON",
                "[01]|1:3|not valid JSON",
                "[+1]|1:3|not valid JSON",
                "[INF]|1:2|not valid JSON",
                "[.5]|1:2|not valid JSON",
                "// c|1:1|not valid JSON",
                "``|1:1|the text is empty"
            })
    void brokenTextIsRefusedByPlace(String text, String place, String problem) {
        BowlineException refused = assertThrows(BowlineException.class, () -> Json.parse(text, "t.json"));

        assertTrue(refused.problem().startsWith("t.json:" + place + ": "), refused.problem());
        assertTrue(refused.problem().contains(problem), refused.problem());
        assertFalse(refused.problem().contains("enable") || refused.problem().contains("Source"), refused.problem());
    }

    @Test
    void aRawControlCharacterInAStringIsRefused() {
        assertThrows(BowlineException.class, () -> Json.parse("[\"a\nb\"]", "t"));
    }

    @Test
    void aByteOrderMarkIsRefused() {
        BowlineException refused = assertThrows(BowlineException.class, () -> Json.parse("\ufeff{}", "t"));

        assertTrue(refused.problem().contains("byte order mark"), refused.problem());
    }

    @Test
    void depthHasALimitAndNotTheStack() {
        String bomb = "[".repeat(3_000_000);

        BowlineException refused = assertThrows(BowlineException.class, () -> Json.parse(bomb, "t"));

        assertTrue(refused.problem().contains("t:1:513: values are nested more than 512 deep"), refused.problem());
        assertEquals(
                512,
                Json.compact(Json.parse("[".repeat(512) + "]".repeat(512), "t")).length() / 2);
    }

    @Test
    void theNumberOfValuesHasALimit() {
        JsonLimits limits = new JsonLimits(3, 10, 1000);

        assertEquals(9, Json.parse("[0,0,0,0,0,0,0,0,0]", "t", limits).asArray().size());
        BowlineException refused =
                assertThrows(BowlineException.class, () -> Json.parse("[0,0,0,0,0,0,0,0,0,0]", "t", limits));
        assertTrue(refused.problem().contains("more than 10 values"), refused.problem());
    }

    @Test
    void aNumberHasALimitToo() {
        BowlineException refused =
                assertThrows(BowlineException.class, () -> Json.parse("[" + "9".repeat(1001) + "]", "t"));

        assertTrue(refused.problem().endsWith("a number has more than 1000 characters"), refused.problem());
    }

    @Test
    void mutatedTextIsReadOrRefusedInWords() {
        String seed = "{\"a\": [1, -2.5e-3, NaN], \"é\": \"x\\u00e9\\n\\ud83d\", \"o\": {\"b\": {}, \"c\": [true]}}";
        String alphabet = "{}[],:\"\\u0123456789dD8-+.eEtfnNaI \n\t\u0000\ufeff/'";
        Random random = new Random(11);
        int read = 0;
        for (int round = 0; round < 20_000; round++) {
            StringBuilder mutant = new StringBuilder(seed);
            for (int change = 1 + random.nextInt(3); change > 0; change--) {
                int place = random.nextInt(mutant.length());
                switch (random.nextInt(3)) {
                    case 0 -> mutant.insert(place, alphabet.charAt(random.nextInt(alphabet.length())));
                    case 1 -> mutant.deleteCharAt(place);
                    default -> mutant.setCharAt(place, alphabet.charAt(random.nextInt(alphabet.length())));
                }
            }
            try {
                JsonValue value = Json.parse(mutant.toString(), "t");
                assertEquals(value, Json.parse(Json.compact(value), "again"));
                read++;
            } catch (BowlineException refused) {
                assertTrue(refused.problem().matches("(?s)t:\\d+:\\d+: .+"), refused.problem());
            }
        }
        assertTrue(read > 1000 && read < 15_000, "read " + read);
    }

    @Test
    void aRowOfJsonLinesKeepsItsLineNumber() {
        JsonObject row = Json.parseLine("{\"messages\": 3}", "train.jsonl", 17).asObject();

        assertEquals("train.jsonl:17:14", row.require("messages").location().position());
        BowlineException refused =
                assertThrows(BowlineException.class, () -> Json.parseLine("{\"a\"", "train.jsonl", 17));
        assertTrue(refused.problem().startsWith("train.jsonl:17:"), refused.problem());
    }

    @Test
    void aFileIsRefusedForWhatIsWrongWithIt() throws Exception {
        Path latin = directory.resolve("latin.json");
        Files.write(latin, "{\n\"a\": \"caf\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1));
        Path large = directory.resolve("large.json");
        Files.writeString(large, "[" + " ".repeat(100) + "]");

        assertProblem("latin.json:2:10: byte 0xe9 is not UTF-8", () -> Json.parse(latin));
        assertProblem("there is no file", () -> Json.parse(directory.resolve("absent.json")));
        assertProblem("is a directory", () -> Json.parse(directory));
        assertProblem("read up to 100 bytes", () -> Json.parse(large, new JsonLimits(5, 5, 100)));
    }

    @Test
    void aFileTruncatedInTheMiddleOfACharacterIsRefused() throws Exception {
        Path file = directory.resolve("cut.json");
        Files.write(file, new byte[] {'"', 'a', (byte) 0xc3});

        assertThrows(BowlineException.class, () -> Json.parse(file));
    }

    private static void assertProblem(String expected, Executable action) {
        BowlineException refused = assertThrows(BowlineException.class, action);
        assertTrue(refused.problem().contains(expected), refused.problem());
    }
}
