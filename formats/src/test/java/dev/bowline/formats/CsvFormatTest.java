package dev.bowline.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.data.DataFile;
import dev.bowline.data.DataRow;
import dev.bowline.data.RowReader;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Records of CSV are rows of text under the names of the first record, and what is ambiguous is refused by its line.
class CsvFormatTest {

    @TempDir
    private Path directory = Path.of("");

    @Test
    void recordsAreRowsOfTextWhateverIsInTheirFields() throws IOException {
        String text = "\ufeffprompt, completion\r\n\"a, \"\"b\"\"\",\"two\r\nlines\"\r\n\r\nNA,\r\n\"\", 1.50 \r\n";

        List<DataRow> rows = rows("a.csv", text);

        assertEquals(
                List.of(
                        "{\"prompt\":\"a, \\\"b\\\"\",\"completion\":\"two\\r\\nlines\"}",
                        "{\"prompt\":\"NA\",\"completion\":\"\"}",
                        "{\"prompt\":\"\",\"completion\":\" 1.50 \"}"),
                rows.stream().map(row -> row.value().toString()).toList());
        assertEquals(directory.resolve("a.csv") + ":5", rows.get(1).origin());
        assertEquals(
                directory.resolve("a.csv") + ":5",
                rows.get(1).value().location().position());
    }

    @Test
    void tabsSeparateInTsv() throws IOException {
        assertEquals(
                "{\"a\":\"1,5\",\"b\":\"2\"}",
                rows("a.tsv", "a\tb\n1,5\t2\n").getFirst().value().toString());
        assertEquals(List.of(), rows("b.csv", "a,b\n"));
        assertEquals(List.of(), rows("c.csv", ""));
    }

    @Test
    void whatIsAmbiguousIsRefusedByItsLine() {
        Map<String, String> broken = Map.of(
                "a,b\n1,2\n1,2,3\n", ":3: the record has 3 fields, the first record 2",
                "a,b\n1,2\n1\n", ":3: the record has 1 fields, the first record 2",
                "a,a\n1,2\n", ":1: the first record names the column 'a' twice",
                "a;b\n1;2\n", ":1: the file has one column, 'a;b'",
                "a,b\n1,2\n\"x\"y,2\n", ": not valid CSV after the record at line 2",
                "a,b\n1,2\n3,\"open\n4,5\n", ":3: a quoted field is not closed");
        broken.forEach((text, problem) -> {
            BowlineException refused = assertThrows(BowlineException.class, () -> rows("a.csv", text), text);

            assertTrue(refused.problem().startsWith(directory.resolve("a.csv") + problem), refused.problem());
        });
    }

    @Test
    void whatIsNotUtf8IsNotGuessed() throws IOException {
        Path file = Files.write(directory.resolve("a.csv"), "a\né\n".getBytes(StandardCharsets.ISO_8859_1));

        assertThrows(MalformedInputException.class, () -> rows(file));
    }

    private List<DataRow> rows(String name, String text) throws IOException {
        return rows(Files.writeString(directory.resolve(name), text));
    }

    private static List<DataRow> rows(Path file) throws IOException {
        List<DataRow> read = new ArrayList<>();
        try (RowReader rows = new CsvFormat().open(new DataFile(file))) {
            for (Optional<DataRow> row = rows.next(); row.isPresent(); row = rows.next()) {
                read.add(row.get());
            }
        }
        return read;
    }
}
