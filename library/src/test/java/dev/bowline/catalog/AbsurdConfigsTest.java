package dev.bowline.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.Inspection;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.LanguageModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A number in config.json that no model has is told as that, at once and without memory: the build and the inspection
/// of any such config end with a message or a model without values.
class AbsurdConfigsTest {

    private static final List<String> NUMBERS = List.of(
            "-1",
            "0",
            "1000000000",
            "2147483647",
            "4294967297",
            "1000000000000000000000000000000",
            "0.0",
            "1e300",
            "NaN");

    @ParameterizedTest
    @CsvSource({
        "gemma4, e2b_like",
        "gemma4, moe_tied",
        "families/llama, llama3_head_dim",
        "families/smollm3, tied",
        "families/qwen2, yarn",
        "families/qwen3moe, normalised",
        "families/mistral, ministral3",
        "families/mistral, vl_untied",
        "families/gemma3, text_yarn",
        "families/phi3, longrope_su",
        "families/baichuan2, untied"
    })
    void everyNumberOfAConfigMayBeAbsurd(String family, String variant) {
        Path fixture = Golden.directory(family, variant);
        List<String> wrong = new ArrayList<>();
        try (Checkpoint checkpoint = Checkpoint.open(fixture)) {
            for (JsonObject config : mutations(checkpoint.config())) {
                try (LanguageModel model = AutoModel.fromConfig(config)) {
                    Inspection.of(checkpoint, model);
                } catch (BowlineException e) {
                    assertTrue(e.problem().length() < 2000, e.problem());
                } catch (RuntimeException | Error e) {
                    wrong.add(e + " for " + Json.compact(config));
                }
            }
        }

        assertEquals(List.of(), wrong);
    }

    @Test
    void theMessageNamesTheKeyAndBothNumbers() {
        JsonObject config = Json.parse(
                        Golden.directory("families/llama", "tied").resolve("config.json"))
                .asObject();

        BowlineException layers = assertThrows(
                BowlineException.class, () -> AutoModel.fromConfig(config.with("num_hidden_layers", 1_000_000_000)));

        assertTrue(layers.problem().contains("num_hidden_layers is 1000000000"), layers.problem());
    }

    /// Each with one number, at any depth, replaced.
    private static List<JsonObject> mutations(JsonObject config) {
        return mutations((JsonValue) config).stream().map(JsonValue::asObject).toList();
    }

    private static List<JsonValue> mutations(JsonValue value) {
        List<JsonValue> mutations = new ArrayList<>();
        switch (value) {
            case JsonObject object -> {
                for (String key : object.keys()) {
                    mutations(object.require(key)).forEach(changed -> mutations.add(object.with(key, changed)));
                }
            }
            case JsonArray array -> {
                if (!array.values().isEmpty()) {
                    for (JsonValue changed : mutations(array.values().getFirst())) {
                        List<JsonValue> values = new ArrayList<>(array.values());
                        values.set(0, changed);
                        mutations.add(JsonValue.of(values));
                    }
                }
            }
            case JsonNumber _ -> NUMBERS.forEach(text -> mutations.add(new JsonNumber(text, value.location())));
            default -> {}
        }
        return mutations;
    }
}
