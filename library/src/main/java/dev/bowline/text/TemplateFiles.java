package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.RegularFile;
import dev.bowline.Remedy;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/// The chat templates that lie in a directory, by name; a template alone is called `default`.
///
/// The chat templates of a directory, found as by transformers 5.18: `chat_template.jinja` and
/// `additional_chat_templates/NAME.jinja`, and only without either of them `chat_template` of
/// tokenizer_config.json, one text or a list of `{name, template}`.
///
/// @param byName in alphabetical order
record TemplateFiles(Path directory, Map<String, Source> byName) {

    static final String DEFAULT = "default";
    static final String TOOL_USE = "tool_use";

    private static final String SUFFIX = ".jinja";

    /// The largest published templates have about 20 KiB.
    private static final long MAX_BYTES = 8L << 20;

    /// @param where the name in messages
    record Source(String where, String text) {

        static Source read(Path file) {
            RegularFile.require(file);
            try {
                if (Files.size(file) > MAX_BYTES) {
                    throw new BowlineException(
                            "%s has %d bytes; a template is read up to %d".formatted(file, Files.size(file), MAX_BYTES),
                            "check that this is the right file");
                }
                return new Source(file.toString(), Files.readString(file));
            } catch (IOException e) {
                throw new BowlineException(
                        "%s cannot be read: %s".formatted(file, e.getMessage()), "name a readable UTF-8 text file", e);
            }
        }
    }

    static TemplateFiles in(Path directory) {
        return find(directory)
                .orElseThrow(() -> new BowlineException(
                        "%s has no chat template".formatted(directory),
                        Fix.of("add a chat_template.jinja, or name a file: dataset.chat_template in a recipe, ")
                                .and(Remedy.Setting.CHAT_TEMPLATE)
                                .and(" to generate")));
    }

    static Optional<TemplateFiles> find(Path directory) {
        Map<String, Source> found = new TreeMap<>();
        Path alone = directory.resolve("chat_template" + SUFFIX);
        if (RegularFile.isPresent(alone)) {
            found.put(DEFAULT, Source.read(alone));
        }
        for (Path file : named(directory.resolve("additional_chat_templates"))) {
            String name = file.getFileName().toString();
            found.put(name.substring(0, name.length() - SUFFIX.length()), Source.read(file));
        }
        if (found.isEmpty()) {
            found.putAll(inConfig(directory.resolve("tokenizer_config.json")));
        }
        return found.isEmpty() ? Optional.empty() : Optional.of(new TemplateFiles(directory, found));
    }

    private static List<Path> named(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(SUFFIX)).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, Source> inConfig(Path config) {
        Map<String, Source> found = new TreeMap<>();
        Optional<JsonValue> written =
                RegularFile.isPresent(config) ? Json.parse(config).asObject().get("chat_template") : Optional.empty();
        written.ifPresent(value -> {
            switch (value) {
                case JsonString text -> found.put(DEFAULT, new Source(config + ": chat_template", text.value()));
                case JsonArray templates -> {
                    for (JsonObject template : templates.objects()) {
                        String name = template.requireString("name");
                        found.put(
                                name,
                                new Source(
                                        "%s: chat_template '%s'".formatted(config, name),
                                        template.requireString("template")));
                    }
                }
                default -> throw value.mistyped("a template, or a list of {name, template}");
            }
        });
        return found;
    }

    /// The one to use where none was chosen: with tools `tool_use` if there is one, otherwise `default`.
    String usual(Conversation conversation) {
        String wanted = conversation.tools().isPresent() && byName.containsKey(TOOL_USE) ? TOOL_USE : DEFAULT;
        if (!byName.containsKey(wanted)) {
            throw new BowlineException(
                    "%s has several chat templates (%s), and none of them is called '%s'"
                            .formatted(directory, names(), DEFAULT),
                    Fix.of("choose one: dataset.chat_template in a recipe, ")
                            .and(Remedy.Setting.CHAT_TEMPLATE)
                            .and(" to generate"));
        }
        return wanted;
    }

    /// Refuses a name that no template has.
    void require(String name) {
        if (!byName.containsKey(name)) {
            throw new BowlineException(
                    "%s has no chat template '%s'; it has %s".formatted(directory, name, names()),
                    "choose one of them, or write the path of a file, with a '.' or a '/' in it");
        }
    }

    Source source(String name) {
        return Objects.requireNonNull(byName.get(name), name);
    }

    private String names() {
        return "'" + String.join("', '", byName.keySet()) + "'";
    }
}
