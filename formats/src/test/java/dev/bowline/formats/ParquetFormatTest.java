package dev.bowline.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.data.DataFile;
import dev.bowline.data.DataRow;
import dev.bowline.data.RowFormat;
import dev.bowline.data.RowReader;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Rows of Parquet are what pyarrow reads, whatever the file is packed with, and a damaged file is a message.
class ParquetFormatTest {

    private static final Path FILES = Path.of("src/test/resources/datasets");

    @TempDir
    private Path directory = Path.of("");

    @Test
    void rowsAreThoseOfPyarrowInEveryCompressionAndPageKind() throws IOException {
        List<JsonValue> expected = lines("rows.jsonl");
        assertEquals(40, expected.size());
        for (String name : List.of("snappy", "zstd", "gzip", "none", "gaps")) {
            assertEquals(expected.toString(), values(name + ".parquet").toString(), name);
        }
    }

    @Test
    void aFieldThatAMessageDoesNotHaveIsAbsentAgain() throws IOException {
        List<JsonObject> rows =
                values("chat.parquet").stream().map(JsonValue::asObject).toList();

        assertEquals(
                Json.parse(
                        "[{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": \"Hello\"}]",
                        "a"),
                rows.getFirst().require("messages"));
        assertEquals(Optional.empty(), rows.getFirst().optionalArray("tools"));
        JsonValue expected = Json.parse("""
                        [{"role": "user", "content": "Weather?", "name": "Ada"},
                         {"role": "assistant", "content": null, "tool_calls": [
                           {"type": "function", "function": {"name": "weather", "arguments": {"city": "Delft"}}},
                           {"type": "function", "function": {"name": "days", "arguments": {"days": 2}}}]}]""", "b");
        assertEquals(expected, rows.getLast().require("messages"));
    }

    @Test
    void everyTypeIsTextNumberOrTruth() throws IOException {
        JsonValue expected = Json.parse("""
                        [{"day": "2031-08-24", "price": 12.50, "small": -3, "big": 9223372036854775807, "half": 0.1,
                          "bytes": "text", "category": "red", "pairs": {"k": "v"}}]""", "typed");
        assertEquals(expected, JsonValue.of(values("typed.parquet")));
        assertEquals(40, values("large.parquet").size());
        assertEquals(List.of(), values("empty.parquet"));
    }

    @Test
    void aRowIsNamedByItsNumber() throws IOException {
        try (RowReader rows = new ParquetFormat().open(new DataFile(FILES.resolve("snappy.parquet")))) {
            rows.next();
            DataRow second = rows.next().orElseThrow();

            assertEquals(FILES.resolve("snappy.parquet") + ", row 2", second.origin());
            BowlineException refused = assertThrows(
                    BowlineException.class, () -> second.value().asObject().requireObject("text"));
            assertTrue(
                    refused.problem().startsWith(second.origin() + ": expected an object for 'text'"),
                    refused.problem());
        }
    }

    @Test
    void aCompressionThatIsNotReadIsNamed() {
        BowlineException refused = assertThrows(BowlineException.class, () -> values("lz4.parquet"));

        assertTrue(
                refused.problem().endsWith("is compressed with LZ4_RAW; snappy, zstd and gzip are read"),
                refused.problem());
    }

    @Test
    void nothingIsLeftInTheTemporaryDirectory() throws IOException {
        values("snappy.parquet");

        try (var files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            assertEquals(
                    List.of(),
                    files.filter(file -> file.getFileName().toString().startsWith("bowline-snappy"))
                            .toList());
        }
    }

    /// Only messages come out of a damaged file, and none of them takes long.
    @Test
    void aDamagedFileIsAMessage() throws IOException {
        Random random = new Random(7);
        int refused = 0;
        for (String name : List.of("snappy.parquet", "zstd.parquet", "gzip.parquet", "none.parquet")) {
            byte[] whole = Files.readAllBytes(FILES.resolve(name));
            for (int i = 0; i < 20; i++) {
                byte[] damaged = i % 4 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
                for (int flips = 0; flips < i % 4 && damaged.length > 0; flips++) {
                    int from = i % 2 == 0 ? 0 : damaged.length * 3 / 4;
                    damaged[from + random.nextInt(damaged.length - from)] ^= (byte) (1 << random.nextInt(8));
                }
                Path file = Files.write(directory.resolve("damaged.parquet"), damaged);
                try {
                    values(file);
                } catch (BowlineException e) {
                    refused++;
                    assertTrue(e.problem().length() < 1000, e.problem());
                }
            }
        }
        assertTrue(refused > 20, "refused " + refused);
    }

    @Test
    void theLibraryFindsBothFormats() {
        assertEquals(
                List.of(ParquetFormat.class, CsvFormat.class),
                ServiceLoader.load(RowFormat.class).stream()
                        .map(ServiceLoader.Provider::type)
                        .toList());
    }

    private static List<JsonValue> lines(String name) throws IOException {
        List<JsonValue> rows = new ArrayList<>();
        for (String line : Files.readAllLines(FILES.resolve(name))) {
            rows.add(Json.parse(line, name));
        }
        return rows;
    }

    private static List<JsonValue> values(String name) throws IOException {
        return values(FILES.resolve(name));
    }

    private static List<JsonValue> values(Path file) throws IOException {
        List<JsonValue> values = new ArrayList<>();
        try (RowReader rows = new ParquetFormat().open(new DataFile(file))) {
            for (Optional<DataRow> row = rows.next(); row.isPresent(); row = rows.next()) {
                values.add(row.get().value());
            }
        }
        return values;
    }
}
