package dev.bowline.adapter.format;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// The adapters that PEFT wrote, each with the base that it is for.
public final class AdapterFixtures {

    private static final Path FIXTURES = Path.of("src", "test", "resources", "fixtures");

    private AdapterFixtures() {}

    public static Path directory(String name) {
        return FIXTURES.resolve("adapters").resolve(name);
    }

    /// The facts that the script wrote beside the adapter.
    public static JsonObject facts(String name) {
        return Json.parse(directory(name).resolve("peft_reference.json")).asObject();
    }

    public static Path base(String name) {
        return FIXTURES.resolve(facts(name).requireString("base"));
    }

    /// Names of all fixtures.
    public static List<String> all() {
        try (Stream<Path> directories = Files.list(FIXTURES.resolve("adapters"))) {
            return directories
                    .filter(directory -> Files.exists(directory.resolve("peft_reference.json")))
                    .map(directory -> directory.getFileName().toString())
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The adapters in PEFT 0.21's own layout.
    public static List<String> ofPeft021() {
        return all().stream().filter(name -> !facts(name).has("same_values_as")).toList();
    }
}
