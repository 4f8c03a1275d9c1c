package dev.bowline.json;

import dev.bowline.BowlineException;
import dev.bowline.RegularFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.BiConsumer;

/// Reads and writes JSON text.
///
/// Reading is as strict as Python's `json` module and stricter in one thing: a key that occurs twice is refused.
/// Whatever is wrong with the text, the failure is a [BowlineException] naming the source, line and column.
public final class Json {

    private Json() {}

    /// The document in a UTF-8 file.
    public static JsonValue parse(Path path) {
        return parse(path, JsonLimits.DEFAULT);
    }

    /// The document in a UTF-8 file that may begin with a byte order mark, as files from Windows do.
    public static JsonValue parseWithMark(Path path) {
        String source = path.toString();
        String text = Utf8Text.decode(ByteBuffer.wrap(read(path, JsonLimits.DEFAULT)), source);
        return parse(text.startsWith("\ufeff") ? text.substring(1) : text, source);
    }

    public static JsonValue parse(Path path, JsonLimits limits) {
        String source = path.toString();
        return parse(Utf8Text.decode(ByteBuffer.wrap(read(path, limits)), source), source, limits);
    }

    /// @param source the name of the text in errors, usually a file
    public static JsonValue parse(String text, String source) {
        return parse(text, source, JsonLimits.DEFAULT);
    }

    public static JsonValue parse(String text, String source, JsonLimits limits) {
        return new JsonReader(source, 1, limits).read(text);
    }

    /// One row of a JSON Lines file; the positions are those in the file.
    ///
    /// @param line the row's number in the file, counted from 1
    public static JsonValue parseLine(String text, String source, int line) {
        return new JsonReader(source, line, JsonLimits.DEFAULT).read(text);
    }

    /// Reads a document that is an object field by field, for one that is too large to be kept as values.
    ///
    /// Whatever `field` throws ends the reading. A field that comes before a fault in the text has been handed
    /// out.
    ///
    /// @param utf8 read to its end, not closed
    /// @throws java.nio.charset.CharacterCodingException when the bytes are not UTF-8
    public static void eachField(
            InputStream utf8, String source, JsonLimits limits, BiConsumer<String, JsonValue> field)
            throws IOException {
        new JsonReader(source, 1, limits)
                .eachField(new InputStreamReader(utf8, StandardCharsets.UTF_8.newDecoder()), field);
    }

    /// The text as Python's `json.dumps(value, indent=2, ensure_ascii=False)` lays it out, and a final newline.
    public static String pretty(JsonValue value) {
        return JsonWriter.pretty(value) + "\n";
    }

    /// The shortest text, on one line and without a newline.
    public static String compact(JsonValue value) {
        return JsonWriter.compact(value);
    }

    private static byte[] read(Path path, JsonLimits limits) {
        if (Files.isDirectory(path)) {
            throw new BowlineException("%s is a directory, not a JSON file".formatted(path), "name a file inside it");
        }
        RegularFile.require(path);
        try {
            long size = Files.size(path);
            if (size > limits.bytes()) {
                throw new BowlineException(
                        "%s has %d bytes, but JSON is read up to %d bytes".formatted(path, size, limits.bytes()),
                        "check that this is the right file; large data belongs in JSON Lines, one object per line");
            }
            return Files.readAllBytes(path);
        } catch (NoSuchFileException e) {
            throw new BowlineException("there is no file %s".formatted(path), "check the path", e);
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(path, e.getMessage()), "check the file and its permissions", e);
        }
    }
}
