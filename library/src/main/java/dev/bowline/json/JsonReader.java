package dev.bowline.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.BiConsumer;

/// Turns Jackson's tokens into values with places, and its failures into ours.
final class JsonReader {

    private static final int MAX_NUMBER_CHARACTERS = 1000;
    private static final char BYTE_ORDER_MARK = '\ufeff';

    /// Depth and size are counted here, where the message can say more; Jackson's own limits stay out of the way.
    static final JsonFactory TOKENS = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(Integer.MAX_VALUE)
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .maxNumberLength(MAX_NUMBER_CHARACTERS)
                    .build())
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .build();

    private final String source;
    private final int firstLine;
    private final JsonLimits limits;
    private long values;
    private int depth;

    JsonReader(String source, int firstLine, JsonLimits limits) {
        this.source = source;
        this.firstLine = firstLine;
        this.limits = limits;
    }

    JsonValue read(String text) {
        if (!text.isEmpty() && text.charAt(0) == BYTE_ORDER_MARK) {
            throw failure(firstLine, 1, "the text starts with a byte order mark", "save it as UTF-8 without one");
        }
        try {
            return read(TOKENS.createParser(text), (tokens, first, location) -> value(tokens, first, location));
        } catch (IOException e) {
            throw new IllegalStateException("reading from a string failed", e);
        }
    }

    /// Hands out the fields of a document that is an object one by one, and keeps none of the values.
    void eachField(Reader text, BiConsumer<String, JsonValue> field) throws IOException {
        read(TOKENS.createParser(text), (tokens, first, location) -> {
            if (first != JsonToken.START_OBJECT) {
                return value(tokens, first, location).asObject();
            }
            values++;
            descend(location);
            Map<String, Integer> lines = new HashMap<>();
            while (tokens.nextToken() != JsonToken.END_OBJECT) {
                String key = tokens.currentName();
                JsonLocation at = location.key(key, line(tokens), column(tokens));
                JsonValue value = value(tokens, tokens.nextToken(), at);
                Integer before = lines.put(key, value.location().line());
                if (before != null) {
                    throw duplicate(at.line(), at.column(), key, location, before);
                }
                field.accept(key, value);
            }
            depth--;
            return JsonObject.of();
        });
    }

    /// Reads what a document consists of after its first token.
    @FunctionalInterface
    private interface Content {
        JsonValue read(JsonParser tokens, JsonToken first, JsonLocation location) throws IOException;
    }

    private JsonValue read(JsonParser parser, Content content) throws IOException {
        return named(() -> {
            try (JsonParser tokens = parser) {
                JsonToken first = tokens.nextToken();
                if (first == null) {
                    throw failure(firstLine, 1, "the text is empty", "download or write the file again");
                }
                JsonValue value = content.read(tokens, first, JsonLocation.root(source, line(tokens), column(tokens)));
                requireEnd(tokens);
                return value;
            }
        });
    }

    /// The next element of an array that `tokens` are in; empty after its end, where the text has to end too.
    Optional<JsonValue> element(JsonParser tokens, JsonLocation array, int index) throws IOException {
        return named(() -> {
            JsonToken token = tokens.nextToken();
            if (token == JsonToken.END_ARRAY) {
                requireEnd(tokens);
                return Optional.empty();
            }
            values = 0;
            return Optional.of(value(tokens, token, array.index(index, line(tokens), column(tokens))));
        });
    }

    /// The place of the array that `tokens` begin with, whose elements are next.
    JsonLocation enterArray(JsonParser tokens) throws IOException {
        return named(() -> {
            JsonToken first = tokens.nextToken();
            JsonLocation location = JsonLocation.root(source, line(tokens), column(tokens));
            if (first != JsonToken.START_ARRAY) {
                throw failure(location.line(), location.column(), "expected an array", "check the file");
            }
            return location;
        });
    }

    private void requireEnd(JsonParser tokens) throws IOException {
        if (tokens.nextToken() != null) {
            throw failure(
                    line(tokens),
                    column(tokens),
                    "there is more text after the end of the document",
                    "delete what follows it, or keep one document per file");
        }
    }

    @FunctionalInterface
    private interface Read<T> {
        T read() throws IOException;
    }

    /// Turns Jackson's failures into ours.
    private <T> T named(Read<T> read) throws IOException {
        try {
            return read.read();
        } catch (JsonEOFException e) {
            throw failure(
                    line(e),
                    column(e),
                    "the text ends in the middle of a value",
                    "complete it there; if the file was cut short, download or write it again");
        } catch (StreamConstraintsException e) {
            throw failure(
                    line(e),
                    column(e),
                    "a number has more than %d characters".formatted(MAX_NUMBER_CHARACTERS),
                    "check that this is the right file");
        } catch (JsonProcessingException e) {
            throw failure(line(e), column(e), "not valid JSON: " + reason(e), "correct the text there");
        }
    }

    private JsonValue value(JsonParser tokens, JsonToken token, JsonLocation location) throws IOException {
        if (++values > limits.values()) {
            throw failure(
                    location.line(),
                    location.column(),
                    "there are more than %d values".formatted(limits.values()),
                    "check that this is the right file");
        }
        return switch (token) {
            case START_OBJECT -> object(tokens, location);
            case START_ARRAY -> array(tokens, location);
            case VALUE_STRING -> new JsonString(tokens.getText(), location);
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> number(tokens.getText(), location);
            case VALUE_TRUE -> new JsonBoolean(true, location);
            case VALUE_FALSE -> new JsonBoolean(false, location);
            case VALUE_NULL -> new JsonNull(location);
            case FIELD_NAME, END_OBJECT, END_ARRAY, VALUE_EMBEDDED_OBJECT, NOT_AVAILABLE ->
                throw new IllegalStateException("a value cannot start with " + token);
        };
    }

    private JsonObject object(JsonParser tokens, JsonLocation location) throws IOException {
        descend(location);
        SequencedMap<String, JsonValue> fields = new LinkedHashMap<>();
        while (tokens.nextToken() != JsonToken.END_OBJECT) {
            String key = tokens.currentName();
            if (fields.containsKey(key)) {
                throw duplicate(
                        line(tokens),
                        column(tokens),
                        key,
                        location,
                        fields.get(key).location().line());
            }
            JsonToken token = tokens.nextToken();
            fields.put(key, value(tokens, token, location.key(key, line(tokens), column(tokens))));
        }
        depth--;
        return new JsonObject(fields, location);
    }

    private JsonArray array(JsonParser tokens, JsonLocation location) throws IOException {
        descend(location);
        List<JsonValue> elements = new ArrayList<>();
        for (JsonToken token = tokens.nextToken(); token != JsonToken.END_ARRAY; token = tokens.nextToken()) {
            elements.add(value(tokens, token, location.index(elements.size(), line(tokens), column(tokens))));
        }
        depth--;
        return new JsonArray(elements, location);
    }

    private JsonNumber number(String text, JsonLocation location) {
        if (!JsonNumberText.isNumber(text)) {
            throw failure(
                    location.line(),
                    location.column(),
                    "not valid JSON: '%s' is not a number".formatted(text),
                    "correct the text there");
        }
        return new JsonNumber(text, location);
    }

    private void descend(JsonLocation location) {
        if (++depth > limits.depth()) {
            throw failure(
                    location.line(),
                    location.column(),
                    "values are nested more than %d deep".formatted(limits.depth()),
                    "check that this is the right file");
        }
    }

    private int line(JsonParser tokens) {
        return firstLine - 1 + tokens.currentTokenLocation().getLineNr();
    }

    private int line(JsonProcessingException e) {
        return firstLine
                - 1
                + Math.max(1, e.getLocation() == null ? 1 : e.getLocation().getLineNr());
    }

    private static int column(JsonParser tokens) {
        return tokens.currentTokenLocation().getColumnNr();
    }

    private static int column(JsonProcessingException e) {
        return Math.max(1, e.getLocation() == null ? 1 : e.getLocation().getColumnNr());
    }

    /// Jackson's message, without the advice to programmers.
    private static String reason(JsonProcessingException e) {
        String reason = e.getOriginalMessage();
        for (String advice : List.of(": enable ", ": was expecting (JSON String", ": maybe a ")) {
            int start = reason.indexOf(advice);
            reason = start < 0 ? reason : reason.substring(0, start);
        }
        return reason;
    }

    private BowlineException duplicate(int line, int column, String key, JsonLocation object, int before) {
        return failure(
                line,
                column,
                "the key '%s' occurs twice in %s, first with its value at line %d"
                        .formatted(key, object.subject(), before),
                "keep one of them");
    }

    private BowlineException failure(int line, int column, String problem, String fix) {
        return new LocatedException(source, "%s:%d:%d: %s".formatted(source, line, column, problem), fix);
    }
}
