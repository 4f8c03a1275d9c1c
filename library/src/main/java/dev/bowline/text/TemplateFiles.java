package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Where a checkpoint directory keeps its chat templates.
final class TemplateFiles {

    private static final String EXTENSION = ".jinja";

    private TemplateFiles() {}

    record Source(String name, String source) {}

    /// By template name; the main one is called `default`. Empty if the directory has none.
    static Map<String, Source> read(Path directory) {
        Path single = directory.resolve("chat_template.jinja");
        if (Files.isRegularFile(single)) {
            return jinjaFiles(single, directory.resolve("additional_chat_templates"));
        }
        for (String name : List.of("chat_template.json", "tokenizer_config.json")) {
            Path config = directory.resolve(name);
            if (Files.isRegularFile(config)) {
                Map<String, Source> found = inConfig(Json.parse(config).asObject(), name);
                if (!found.isEmpty()) {
                    return found;
                }
            }
        }
        return Map.of();
    }

    private static Map<String, Source> jinjaFiles(Path single, Path others) {
        Map<String, Source> found = new LinkedHashMap<>();
        found.put("default", read(single, single.getFileName().toString()));
        if (Files.isDirectory(others)) {
            try (Stream<Path> files = Files.list(others)) {
                files.filter(file -> file.toString().endsWith(EXTENSION))
                        .sorted()
                        .forEach(file -> {
                            String fileName = file.getFileName().toString();
                            String name = fileName.substring(0, fileName.length() - EXTENSION.length());
                            found.put(name, read(file, fileName));
                        });
            } catch (IOException e) {
                throw unreadable(others, e);
            }
        }
        return found;
    }

    private static Map<String, Source> inConfig(JsonObject config, String fileName) {
        Map<String, Source> found = new LinkedHashMap<>();
        JsonValue value = config.get("chat_template").orElse(JsonValue.absent());
        switch (value) {
            case JsonNull _ -> {}
            case JsonString source -> found.put("default", new Source("chat_template of " + fileName, source.value()));
            case JsonArray named -> {
                for (JsonObject entry : named.objects()) {
                    String name = entry.requireString("name");
                    found.put(
                            name,
                            new Source(
                                    "chat template '%s' of %s".formatted(name, fileName),
                                    entry.requireString("template")));
                }
            }
            default -> throw value.mistyped("a template, or a list of templates with names");
        }
        return found;
    }

    private static Source read(Path file, String name) {
        try {
            return new Source(name, Files.readString(file, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static BowlineException unreadable(Path file, IOException cause) {
        return new BowlineException(
                "%s cannot be read: %s".formatted(file, cause.getMessage()),
                "check the file, its permissions, and that it is UTF-8",
                cause);
    }
}
