package dev.bowline.audit.evidence;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Pattern;

/// The ties of two transformers releases, architecture by architecture, recorded from the releases by a script.
///
/// The resource has one architecture per line, so that only the line that is asked for is parsed.
public final class TieTable {

    private static final String RESOURCE = "transformers-ties.json";

    /// Both releases of one architecture; a release that has no such class is empty.
    public record Entry(String architecture, String modelType, Optional<ReleaseTies> v4, Optional<ReleaseTies> v5) {

        /// The newer release that knows it.
        public ReleaseTies newest() {
            return v5.or(this::v4).orElseThrow();
        }
    }

    private final String text;

    private TieTable(String text) {
        this.text = text;
    }

    public static TieTable shipped() {
        return new TieTable(resource(RESOURCE));
    }

    static String resource(String name) {
        try (InputStream stream = TieTable.class.getResourceAsStream(name)) {
            return new String(Objects.requireNonNull(stream, name).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Optional<Entry> find(String architecture) {
        return line(architecture)
                .map(object -> new Entry(
                        architecture,
                        object.requireString("model_type"),
                        object.optionalObject("v4").map(this::release),
                        object.optionalObject("v5").map(this::release)));
    }

    /// A class of transformers that has no output embedding.
    boolean isHeadless(String architecture) {
        int start = text.indexOf("\"headless\"");
        if (start < 0 || !isName(architecture)) {
            return false;
        }
        int end = text.indexOf(']', start);
        int found = text.indexOf("\"" + architecture + "\"", start);
        return found >= 0 && found < end;
    }

    /// The architectures in the table, in its order.
    List<String> architectures() {
        JsonObject table = Json.parse(text, RESOURCE).asObject();
        return List.copyOf(table.requireObject("architectures").keys());
    }

    private Optional<JsonObject> line(String name) {
        if (!isName(name)) {
            return Optional.empty();
        }
        int start = text.indexOf("\n  \"" + name + "\": {");
        if (start < 0) {
            return Optional.empty();
        }
        int from = text.indexOf('{', start);
        int end = text.indexOf('\n', from);
        String value = text.substring(from, end).strip();
        value = value.endsWith(",") ? value.substring(0, value.length() - 1) : value;
        return Optional.of(Json.parse(value, RESOURCE).asObject());
    }

    private ReleaseTies release(JsonObject release) {
        return new ReleaseTies(
                release.requireArray("levels").strings(),
                release.requireString("effective"),
                release.optionalString("reads").orElse(""),
                release.optionalString("head"),
                release.optionalString("embedding"),
                map(release, "tied"),
                map(release, "always"),
                release.optionalString("renames").map(this::renames).orElse(List.of()),
                release.optionalString("prefix").orElse(""),
                release.optionalString("vocabulary"));
    }

    private List<Rename> renames(String name) {
        int section = text.indexOf("\n \"renames\": {");
        int start = text.indexOf("\n  \"" + name + "\": [", section);
        if (section < 0 || start < 0) {
            throw new IllegalStateException("no renames called " + name);
        }
        int from = text.indexOf('[', start);
        String value = text.substring(from, text.indexOf('\n', from)).strip();
        value = value.endsWith(",") ? value.substring(0, value.length() - 1) : value;
        List<Rename> renames = new ArrayList<>();
        for (JsonValue pair : Json.parse(value, RESOURCE).asArray().values()) {
            List<String> both = pair.asArray().strings();
            renames.add(Rename.ofPython(both.get(0), both.get(1)));
        }
        return renames;
    }

    private static SequencedMap<String, String> map(JsonObject release, String key) {
        SequencedMap<String, String> pairs = new LinkedHashMap<>();
        release.optionalObject(key)
                .ifPresent(object -> object.fields().forEach((target, source) -> pairs.put(target, source.asString())));
        return pairs;
    }

    /// A name that can be looked for in text.
    private static boolean isName(String name) {
        return !name.isEmpty() && name.chars().allMatch(c -> Character.isLetterOrDigit(c) || c == '_');
    }

    /// A key of the file to a key of the model, as a Python `re.sub` would do it.
    record Rename(Pattern pattern, String replacement) {

        static Rename ofPython(String pattern, String replacement) {
            return new Rename(
                    Pattern.compile(pattern.replace("(?P<", "(?<")),
                    replacement.replace("$", "\\$").replaceAll("\\\\(\\d)", "\\$$1"));
        }

        public String apply(String key) {
            return pattern.matcher(key).replaceAll(replacement);
        }
    }
}
