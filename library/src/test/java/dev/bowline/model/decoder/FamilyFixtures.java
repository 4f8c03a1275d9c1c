package dev.bowline.model.decoder;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// Every directory that tools/make_family_fixtures.py wrote: a family is tested as soon as its fixtures are there.
public final class FamilyFixtures {

    private static final Path ROOT = Golden.directory("families", "");

    private FamilyFixtures() {}

    /// `family/variant`, sorted.
    public static List<String> all() {
        try (Stream<Path> files = Files.walk(ROOT, 3)) {
            return files.filter(file -> file.endsWith("config.json"))
                    .map(file -> ROOT.relativize(file.getParent()).toString().replace('\\', '/'))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The folders, sorted.
    public static List<String> families() {
        return all().stream()
                .map(variant -> variant.substring(0, variant.indexOf('/')))
                .distinct()
                .toList();
    }

    public static Path directory(String variant) {
        return ROOT.resolve(variant);
    }

    public static JsonObject config(String variant) {
        return Json.parse(directory(variant).resolve("config.json")).asObject();
    }

    /// What transformers made of it.
    public static JsonObject facts(String variant) {
        return Json.parse(directory(variant).resolve("reference.json")).asObject();
    }

    public static Golden reference(String variant) {
        return Golden.read(directory(variant).resolve("reference.safetensors"));
    }

    public static Pretrained load(String variant) {
        return AutoModel.fromPretrained(directory(variant));
    }

    public static LanguageModel build(String variant) {
        return AutoModel.fromConfig(config(variant));
    }
}
