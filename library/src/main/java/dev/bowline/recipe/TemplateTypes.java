package dev.bowline.recipe;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.recipe.ChatTemplateSection.Template;
import dev.bowline.recipe.KeyType.Invalid;
import dev.bowline.recipe.KeyType.Parsed;
import dev.bowline.recipe.KeyType.Valid;
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

/// Types of keys for chat templates: the template, its variables, its date.
final class TemplateTypes {

    private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9_-]*");

    /// Words that are booleans in YAML 1.1 and text in YAML 1.2. A template treats text as true.
    private static final Set<String> OLD_SWITCHES = Set.of("yes", "no", "on", "off", "y", "n");

    private TemplateTypes() {}

    /// A word is a name. Text with a dot or a slash is a file, or Jinja text if it has Jinja's braces and no
    /// file exists.
    static KeyType<Template> template() {
        KeyType<Path> file = PathTypes.file();
        return KeyType.ofScalar(
                "an existing file, the name of a template of the checkpoint, or Jinja text",
                "a path or a name",
                scalar -> {
                    boolean isName = !scalar.isNumber()
                            && !scalar.isBoolean()
                            && NAME.matcher(scalar.text()).matches();
                    if (isName) {
                        return new Valid<>(new Template.Named(scalar.text()));
                    }
                    return switch (file.parse(scalar)) {
                        case Valid<Path>(var path) -> new Valid<>(new Template.InFile(path));
                        case Invalid<Path>(String fix, var _) ->
                            isJinja(scalar.text())
                                    ? new Valid<>(new Template.Inline(scalar.text()))
                                    : new Invalid<>(fix);
                    };
                },
                choice -> switch (choice) {
                    case Template.Named(String name) -> TextTypes.quoted(name);
                    case Template.InFile(var path) -> file.write(path);
                    case Template.Inline(String text) -> TextTypes.quoted(text);
                    case Template.None() -> "null";
                });
    }

    private static boolean isJinja(String text) {
        return text.contains("{{") || text.contains("{%");
    }

    static KeyType<LocalDate> date() {
        return KeyType.ofScalar(
                "a date, such as 2026-01-31",
                "a date, such as 2026-01-31",
                scalar -> {
                    try {
                        return new Valid<>(LocalDate.parse(scalar.text()));
                    } catch (DateTimeParseException _) {
                        return new Invalid<>("write year-month-day, such as 2026-01-31");
                    }
                },
                LocalDate::toString);
    }

    /// A mapping with values of any type, for the template.
    static KeyType<JsonObject> variables() {
        return new KeyType<>(
                "a mapping of names to values",
                value -> {
                    if (value instanceof Scalar scalar && scalar.isNull()) {
                        return new Valid<>(JsonObject.of());
                    }
                    if (!(value instanceof Mapping mapping)) {
                        return new Invalid<>("write names and values, such as {enable_thinking: false}");
                    }
                    return switch (object(mapping)) {
                        case Valid<JsonValue>(JsonValue object) -> new Valid<>(object.asObject());
                        case Invalid<JsonValue>(String fix, var _) -> new Invalid<>(fix);
                    };
                },
                Json::compact);
    }

    private static Parsed<JsonValue> json(YamlValue value) {
        return switch (value) {
            case Scalar scalar -> scalar(scalar);
            case Sequence sequence -> array(sequence);
            case Mapping mapping -> object(mapping);
        };
    }

    private static Parsed<JsonValue> object(Mapping mapping) {
        JsonObject object = JsonObject.of();
        for (Entry entry : mapping.entries()) {
            switch (json(entry.value())) {
                case Valid<JsonValue>(JsonValue sound) -> object = object.with(entry.key(), sound);
                case Invalid<JsonValue>(String fix, var _) -> {
                    return new Invalid<>(entry.key() + ": " + fix);
                }
            }
        }
        return new Valid<>(object);
    }

    private static Parsed<JsonValue> array(Sequence sequence) {
        List<JsonValue> items = new ArrayList<>();
        for (YamlValue item : sequence.items()) {
            switch (json(item)) {
                case Valid<JsonValue>(JsonValue sound) -> items.add(sound);
                case Invalid<JsonValue> unsound -> {
                    return unsound;
                }
            }
        }
        return new Valid<>(JsonValue.of(items));
    }

    private static Parsed<JsonValue> scalar(Scalar scalar) {
        String text = scalar.text();
        if (scalar.isNull()) {
            return new Valid<>(JsonValue.absent());
        }
        if (scalar.isBoolean()) {
            return new Valid<>(JsonValue.of(text.equalsIgnoreCase("true")));
        }
        if (scalar.isNumber()) {
            try {
                return new Valid<>(Json.parse(text, "a recipe"));
            } catch (BowlineException _) {
                return new Invalid<>("write '%s' as a plain number, or in quotes if it is text".formatted(text));
            }
        }
        if (scalar.isPlain() && OLD_SWITCHES.contains(text.toLowerCase(Locale.ROOT))) {
            return new Invalid<>("write true or false, or '%s' in quotes if it is text".formatted(text));
        }
        return new Valid<>(JsonValue.of(text));
    }
}
