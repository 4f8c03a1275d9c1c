package dev.bowline.json;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// Reads a document too large to be held: its strings and numbers are told one by one, and nothing is kept.
///
/// Unlike [Json#parse(Path)] it does not refuse a key that occurs twice, and what it leaves out it hardly checks.
public final class JsonWalk {

    /// Is told what there is. A path has the keys and, in arrays, the indices that lead to a value; it changes
    /// after the call.
    public interface Visitor {

        /// True to read the object or array at `path`; false to skip it.
        boolean enters(List<String> path);

        void string(List<String> path, String value);

        void number(List<String> path, String text);

        /// True to stop reading.
        boolean isDone();
    }

    private final JsonParser tokens;
    private final JsonLimits limits;
    private final Visitor visitor;
    private final List<String> path = new ArrayList<>();
    private final List<String> shown = Collections.unmodifiableList(path);
    private long values;

    private JsonWalk(JsonParser tokens, JsonLimits limits, Visitor visitor) {
        this.tokens = tokens;
        this.limits = limits;
        this.visitor = visitor;
    }

    /// @throws BowlineException when the file cannot be read, is not JSON, or is beyond the limits
    public static void walk(Path file, JsonLimits limits, Visitor visitor) {
        try {
            if (Files.size(file) > limits.bytes()) {
                throw new BowlineException(
                        "%s has more than %d bytes".formatted(file, limits.bytes()),
                        "check that this is the right file");
            }
            try (JsonParser tokens = JsonReader.TOKENS.createParser(file.toFile())) {
                new JsonWalk(tokens, limits, visitor).document(file);
            }
        } catch (JsonProcessingException e) {
            throw new BowlineException(
                    "%s is not valid JSON: %s".formatted(file, e.getOriginalMessage()), "download the file again", e);
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(file, e.getMessage()), "check the file and its permissions", e);
        }
    }

    private void document(Path file) throws IOException {
        JsonToken first = tokens.nextToken();
        if (first == null) {
            throw new BowlineException("%s is empty".formatted(file), "download the file again");
        }
        value(first, file);
    }

    private void value(JsonToken token, Path file) throws IOException {
        if (++values > limits.values() || path.size() > limits.depth()) {
            throw tooLarge(file);
        }
        switch (token) {
            case START_OBJECT, START_ARRAY -> {
                if (visitor.enters(shown)) {
                    inside(token, file);
                } else if (!visitor.isDone()) {
                    skip(file);
                }
            }
            case VALUE_STRING -> visitor.string(shown, tokens.getText());
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> visitor.number(shown, tokens.getText());
            case VALUE_TRUE, VALUE_FALSE, VALUE_NULL -> {}
            case FIELD_NAME, END_OBJECT, END_ARRAY, VALUE_EMBEDDED_OBJECT, NOT_AVAILABLE ->
                throw new IllegalStateException("a value cannot start with " + token);
        }
    }

    /// The rest of the object or array that was just entered. Its depth is counted: the reader keeps every level.
    private void skip(Path file) throws IOException {
        for (int depth = 1; depth > 0; ) {
            JsonToken token = tokens.nextToken();
            if (token == null) {
                throw endsEarly(file);
            }
            depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
            if (path.size() + depth > limits.depth()) {
                throw tooLarge(file);
            }
        }
    }

    private BowlineException tooLarge(Path file) {
        return new BowlineException(
                "%s has more than %d values, or nests deeper than %d levels"
                        .formatted(file, limits.values(), limits.depth()),
                "check that this is the right file");
    }

    private static BowlineException endsEarly(Path file) {
        return new BowlineException("%s ends in the middle of a value".formatted(file), "download it again");
    }

    private void inside(JsonToken start, Path file) throws IOException {
        long index = 0;
        for (JsonToken token = tokens.nextToken(); !visitor.isDone(); token = tokens.nextToken()) {
            if (token == JsonToken.END_OBJECT || token == JsonToken.END_ARRAY) {
                return;
            }
            if (token == null) {
                throw endsEarly(file);
            }
            path.add(start == JsonToken.START_OBJECT ? tokens.currentName() : String.valueOf(index++));
            value(start == JsonToken.START_OBJECT ? tokens.nextToken() : token, file);
            path.removeLast();
        }
    }
}
