package dev.bowline.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/// Python is the other end of every file we exchange: our text is its text.
class PythonJsonTest {

    @Test
    void everyDoubleIsSpelledAsPythonSpellsIt() throws Exception {
        List<JsonArray> rows =
                Json.parse(fixture("python_doubles.json")).asArray().arrays();

        for (JsonArray row : rows) {
            double value = Double.longBitsToDouble(Long.parseLong(row.get(0).asString()));
            assertEquals(row.get(1).asString(), JsonValue.of(value).text());
        }
        assertTrue(rows.size() > 1000);
    }

    @Test
    void aDocumentPythonWroteIsWrittenBackToTheByte() throws Exception {
        Path path = fixture("python_pretty.json");

        assertEquals(Files.readString(path), Json.pretty(Json.parse(path)));
    }

    private static Path fixture(String name) throws IOException, URISyntaxException {
        return Path.of(Objects.requireNonNull(PythonJsonTest.class.getResource("/fixtures/formats/" + name))
                .toURI());
    }
}
