package dev.bowline.json;

import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// The elements of a document that is one array, read one at a time, for one that is too large to be kept as
/// values.
///
/// Failures of the text are as in [Json]; the limits hold for each element.
public final class JsonElements implements AutoCloseable {

    private final JsonReader reader;
    private final JsonParser tokens;
    private final JsonLocation array;
    private int index;

    /// @param utf8 positioned at the array, after a byte order mark; closed with this
    public JsonElements(InputStream utf8, String source) throws IOException {
        reader = new JsonReader(source, 1, JsonLimits.DEFAULT);
        tokens = JsonReader.TOKENS.createParser(new InputStreamReader(utf8, StandardCharsets.UTF_8.newDecoder()));
        try {
            array = reader.enterArray(tokens);
        } catch (IOException | RuntimeException e) {
            tokens.close();
            utf8.close();
            throw e;
        }
    }

    /// The next element; empty at the end.
    ///
    /// @throws java.nio.charset.CharacterCodingException when the bytes are not UTF-8
    public Optional<JsonValue> next() throws IOException {
        return reader.element(tokens, array, index++);
    }

    @Override
    public void close() throws IOException {
        tokens.close();
    }
}
