package dev.bowline.text;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Text that an assistant's message holds and its rendering does not: the chat template never reads the field, or
/// cuts a part of it. A model does not learn such text.
///
/// Text is compared line by line without its white space, since templates trim and indent. A line counts as
/// written encoded as JSON too. Tags such as `<think>` are left out of the comparison, as templates write their
/// own.
///
/// @param field of the message, such as `reasoning_content`
/// @param sample the beginning of the first line that is missing
public record UnrenderedText(String field, String sample) {

    private static final int SHOWN = 40;

    /// Fields that describe a message and are no part of what it says.
    private static final Set<String> DESCRIPTIONS = Set.of(
            "role",
            "from",
            "name",
            "id",
            "index",
            "type",
            "tool_call_id",
            "weight",
            "model",
            "created",
            "created_at",
            "timestamp",
            "date",
            "uuid",
            "status",
            "finish_reason",
            "stop_reason",
            "language",
            "source");

    private static final Pattern LINES_AND_TAGS = Pattern.compile("\\R|</?[^<>\\s/]{1,32}>|\\[/?[A-Z_]{1,32}]");
    private static final Pattern WHITE_SPACE = Pattern.compile("\\s+");

    /// @param written the rendering of the message
    static List<UnrenderedText> of(JsonObject message, String written) {
        String visible = visible(written);
        List<UnrenderedText> found = new ArrayList<>();
        message.fields().forEach((field, value) -> {
            if (!DESCRIPTIONS.contains(field)) {
                lines(value, Keys.FILTERED)
                        .filter(line -> !isWritten(line, visible))
                        .findFirst()
                        .map(line -> new UnrenderedText(field, sample(line)))
                        .ifPresent(found::add);
            }
        });
        return found;
    }

    /// True if the message has any text.
    static boolean isEmpty(JsonObject message) {
        return message.fields().entrySet().stream()
                .filter(field -> !DESCRIPTIONS.contains(field.getKey()))
                .flatMap(field -> lines(field.getValue(), Keys.FILTERED))
                .findFirst()
                .isEmpty();
    }

    /// The keys of an object that hold text.
    private enum Keys {
        ALL,
        FILTERED
    }

    private static Stream<String> lines(JsonValue value, Keys keys) {
        return switch (value) {
            case JsonString text -> lines(text.value());
            case JsonArray array -> array.values().stream().flatMap(item -> lines(item, keys));
            case JsonObject object ->
                object.fields().entrySet().stream()
                        .filter(field -> keys == Keys.ALL || isText(object, field.getKey()))
                        .flatMap(field -> lines(field.getKey(), field.getValue(), keys));
            case JsonNumber _, JsonBoolean _, JsonNull _ -> Stream.empty();
        };
    }

    /// A function is known by its name; elsewhere a name describes.
    private static boolean isText(JsonObject object, String key) {
        return !DESCRIPTIONS.contains(key) || key.equals("name") && object.has("arguments");
    }

    private static Stream<String> lines(String key, JsonValue value, Keys keys) {
        if (!key.equals("arguments")) {
            return lines(value, keys);
        }
        JsonValue arguments = ToolArguments.asObject(value);
        return lines(arguments, Keys.ALL);
    }

    private static Stream<String> lines(String text) {
        return LINES_AND_TAGS.splitAsStream(text).map(String::strip).filter(line -> !line.isEmpty());
    }

    private static boolean isWritten(String line, String visible) {
        if (visible.contains(visible(line))) {
            return true;
        }
        String encoded = ToolArguments.encoded(line);
        return visible.contains(visible(encoded.substring(1, encoded.length() - 1)));
    }

    private static String visible(String text) {
        return WHITE_SPACE.matcher(text).replaceAll("");
    }

    private static String sample(String line) {
        return line.codePointCount(0, line.length()) > SHOWN
                ? line.substring(0, line.offsetByCodePoints(0, SHOWN)) + "…"
                : line;
    }
}
