package dev.bowline.model.decoder;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Families;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A config.json as its publisher wrote it, with keys that say nothing and keys of other families at the values
/// that do nothing, is built, and has as many parameters as the model is published with.
class PublishedConfigsTest {

    private static final JsonObject PUBLISHED = Json.parse(
                    Golden.directory("", "").resolve("published_configs.json"))
            .asObject();

    static List<String> models() {
        return List.copyOf(PUBLISHED.keys());
    }

    @ParameterizedTest
    @MethodSource("models")
    void aPublishedConfigIsBuiltInFull(String name) {
        JsonObject published = PUBLISHED.requireObject(name);
        try (LanguageModel model = AutoModel.fromConfig(published.requireObject("config"))) {
            long parameters = model.parameters().values().stream()
                    .mapToLong(Parameter::elements)
                    .sum();

            assertEquals(published.requireLong("parameters"), parameters);
        }
    }

    /// Ministral 3 of its own is only published inside Mistral 3's class; Gemma 4's tests are its own.
    @Test
    void everyClassIsAmongThem() {
        Set<String> built = new TreeSet<>();
        for (String name : models()) {
            built.addAll(PUBLISHED
                    .requireObject(name)
                    .requireObject("config")
                    .optionalArray("architectures")
                    .map(JsonArray::strings)
                    .orElseThrow());
        }
        Set<String> classes = new TreeSet<>();
        Families.all().forEach(family -> classes.add(family.name()));
        classes.removeIf(name -> name.startsWith("Gemma4") || name.equals("Ministral3ForCausalLM"));

        assertEquals(classes, built);
    }
}
