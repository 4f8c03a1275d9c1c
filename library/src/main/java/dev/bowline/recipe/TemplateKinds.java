package dev.bowline.recipe;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.recipe.YamlValue.Entry;
import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import dev.bowline.recipe.YamlValue.Sequence;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/// Keys about chat templates: which one, its variables, its day.
final class TemplateKinds {

    private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9_-]*");

    /// Words that YAML 1.1 takes for switches, which a template would take for text, and text is true.
    private static final Set<String> OLD_SWITCHES = Set.of("yes", "no", "on", "off", "y", "n");

    private TemplateKinds() {}

    /// A word is a name; whatever has a dot or a slash in it is a file, unless it has Jinja's braces and is none.
    static Kind<ChatTemplateChoice> template() {
        Kind<Path> file = PathKinds.file();
        return Kind.ofScalar(
                "an existing file, the name of a template of the checkpoint, Jinja text",
                "a path or a name",
                scalar -> {
                    boolean isName = !scalar.isNumber()
                            && !scalar.isBoolean()
                            && NAME.matcher(scalar.text()).matches();
                    if (isName) {
                        return new Reading.Sound<>(new ChatTemplateChoice.Named(scalar.text()));
                    }
                    return switch (file.reader().apply(scalar)) {
                        case Reading.Sound<Path>(var path) -> new Reading.Sound<>(new ChatTemplateChoice.InFile(path));
                        case Reading.Unsound<Path>(String fix, var _) ->
                            isJinja(scalar.text())
                                    ? new Reading.Sound<>(new ChatTemplateChoice.Inline(scalar.text()))
                                    : new Reading.Unsound<>(fix);
                    };
                },
                choice -> switch (choice) {
                    case ChatTemplateChoice.Named(String name) -> TextKinds.quoted(name);
                    case ChatTemplateChoice.InFile(var path) -> file.writer().apply(path);
                    case ChatTemplateChoice.Inline(String text) -> TextKinds.quoted(text);
                    case ChatTemplateChoice.None() -> "null";
                });
    }

    private static boolean isJinja(String text) {
        return text.contains("{{") || text.contains("{%");
    }

    static Kind<LocalDate> date() {
        return Kind.ofScalar(
                "a date, such as 2026-01-31",
                "a date, such as 2026-01-31",
                scalar -> {
                    try {
                        return new Reading.Sound<>(LocalDate.parse(scalar.text()));
                    } catch (DateTimeParseException _) {
                        return new Reading.Unsound<>("write year-month-day, such as 2026-01-31");
                    }
                },
                LocalDate::toString);
    }

    /// A mapping whose values may be anything: the template decides what they mean.
    static Kind<JsonObject> variables() {
        return new Kind<>(
                "a mapping of names to values",
                value -> {
                    if (value instanceof Scalar scalar && scalar.isNull()) {
                        return new Reading.Sound<>(JsonObject.of());
                    }
                    if (!(value instanceof Mapping mapping)) {
                        return new Reading.Unsound<>("write names and values, such as {enable_thinking: false}");
                    }
                    return switch (object(mapping)) {
                        case Reading.Sound<JsonValue>(JsonValue object) -> new Reading.Sound<>(object.asObject());
                        case Reading.Unsound<JsonValue>(String fix, var _) -> new Reading.Unsound<>(fix);
                    };
                },
                Json::compact);
    }

    private static Reading<JsonValue> json(YamlValue value) {
        return switch (value) {
            case Scalar scalar -> scalar(scalar);
            case Sequence sequence -> array(sequence);
            case Mapping mapping -> object(mapping);
        };
    }

    private static Reading<JsonValue> object(Mapping mapping) {
        JsonObject object = JsonObject.of();
        for (Entry entry : mapping.entries()) {
            switch (json(entry.value())) {
                case Reading.Sound<JsonValue>(JsonValue sound) -> object = object.with(entry.key(), sound);
                case Reading.Unsound<JsonValue>(String fix, var _) -> {
                    return new Reading.Unsound<>(entry.key() + ": " + fix);
                }
            }
        }
        return new Reading.Sound<>(object);
    }

    private static Reading<JsonValue> array(Sequence sequence) {
        List<JsonValue> items = new ArrayList<>();
        for (YamlValue item : sequence.items()) {
            switch (json(item)) {
                case Reading.Sound<JsonValue>(JsonValue sound) -> items.add(sound);
                case Reading.Unsound<JsonValue> unsound -> {
                    return unsound;
                }
            }
        }
        return new Reading.Sound<>(JsonValue.of(items));
    }

    private static Reading<JsonValue> scalar(Scalar scalar) {
        String text = scalar.text();
        if (scalar.isNull()) {
            return new Reading.Sound<>(JsonValue.absent());
        }
        if (scalar.isBoolean()) {
            return new Reading.Sound<>(JsonValue.of(text.equalsIgnoreCase("true")));
        }
        if (scalar.isNumber()) {
            try {
                return new Reading.Sound<>(Json.parse(text, "a recipe"));
            } catch (BowlineException _) {
                return new Reading.Unsound<>(
                        "write '%s' as a plain number, or in quotes if it is text".formatted(text));
            }
        }
        if (scalar.isPlain() && OLD_SWITCHES.contains(text.toLowerCase(Locale.ROOT))) {
            return new Reading.Unsound<>("write true or false, or '%s' in quotes if it is text".formatted(text));
        }
        return new Reading.Sound<>(JsonValue.of(text));
    }
}
