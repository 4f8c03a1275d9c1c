package dev.bowline.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.ties.TiedWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// For every class and every combination of flags, Bowline ties what transformers was measured to tie; where it does
/// not,
/// a decision says why.
class TiePolicyTest {

    private static final Path FIXTURES = Golden.directory("", "");

    /// docs/decisions/0002: a silent top level listens to the text level, as transformers 4 did and 5 does not.
    private static final Set<String> DECIDED_OTHERWISE = Set.of(
            "Gemma3ForConditionalGeneration -/false",
            "Gemma4ForConditionalGeneration -/false",
            "Mistral3ForConditionalGeneration -/false");

    @Test
    void everyCombinationOfFlagsTiesWhatTheReferenceTies() throws IOException {
        JsonObject measured =
                Json.parse(FIXTURES.resolve("family_ties.json")).asObject().requireObject("classes");
        Set<String> differing = new TreeSet<>();
        Set<String> seen = new TreeSet<>();
        for (Map.Entry<String, JsonObject> example : examples().entrySet()) {
            JsonObject combinations = measured.requireObject(example.getKey());
            seen.add(example.getKey());
            for (String combination : combinations.keys()) {
                if (tied(example.getValue(), combination.split("/")) != combinations.requireBoolean(combination)) {
                    differing.add(example.getKey() + " " + combination);
                }
            }
        }

        assertEquals(new TreeSet<>(DECIDED_OTHERWISE), differing);
        Set<String> classes = new TreeSet<>(
                Families.all().stream().map(Families.Family::architecture).toList());
        classes.remove("BaichuanForCausalLM"); // transformers has none
        assertEquals(classes, seen);
    }

    private static boolean tied(JsonObject config, String[] flags) {
        JsonObject asked = with(config, flags[0]);
        if (flags.length > 1) {
            asked = asked.with("text_config", with(config.requireObject("text_config"), flags[1]));
        }
        try (CausalLanguageModel model = AutoModel.fromConfig(asked)) {
            return TiedWeights.hasLocalTiedLmHead(model);
        }
    }

    private static JsonObject with(JsonObject level, String flag) {
        return flag.equals("-")
                ? level.without("tie_word_embeddings")
                : level.with("tie_word_embeddings", Boolean.parseBoolean(flag));
    }

    /// A config.json of each class that transformers has.
    private static Map<String, JsonObject> examples() throws IOException {
        Map<String, JsonObject> examples = new TreeMap<>();
        try (Stream<Path> files = Files.walk(FIXTURES)) {
            List<Path> references = files.filter(file -> file.endsWith("reference.json"))
                    .sorted()
                    .toList();
            for (Path reference : references) {
                String name = Json.parse(reference).asObject().requireString("class");
                if (!name.equals("BaichuanForCausalLM")) {
                    examples.putIfAbsent(
                            name,
                            Json.parse(reference.resolveSibling("config.json")).asObject());
                }
            }
        }
        return examples;
    }
}
