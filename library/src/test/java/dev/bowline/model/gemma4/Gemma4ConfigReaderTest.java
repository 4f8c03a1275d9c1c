package dev.bowline.model.gemma4;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A feature of config.json that is not built is refused by its name, at either level.
class Gemma4ConfigReaderTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\'',
            value = {
                "quantization_config | {\"quant_method\":\"fp8\"} | quantization_config",
                "rope_scaling | {\"type\":\"linear\",\"factor\":2.0} | rope_scaling"
            })
    void whatIsNotBuiltIsNamed(String key, String value, String named) {
        JsonObject config = config();
        JsonObject text = config.optionalObject("text_config").orElseThrow();
        var setting = Json.parse(value, "value");

        BowlineException atTop =
                assertThrows(BowlineException.class, () -> AutoModel.fromConfig(config.with(key, setting)));
        BowlineException below = assertThrows(
                BowlineException.class,
                () -> AutoModel.fromConfig(config.with("text_config", text.with(key, setting))));

        assertTrue(atTop.problem().contains(named), atTop.problem());
        assertTrue(below.problem().contains(named), below.problem());
    }

    @ParameterizedTest
    @CsvSource({"use_bidirectional_attention, all", "hidden_activation, silu"})
    void valuesThatAreNotBuiltAreNamed(String key, String value) {
        JsonObject config = config();
        JsonObject text = config.optionalObject("text_config").orElseThrow();

        BowlineException refused = assertThrows(
                BowlineException.class, () -> AutoModel.fromConfig(config.with("text_config", text.with(key, value))));

        assertTrue(refused.problem().contains(key), refused.problem());
    }

    @Test
    void aLayerThatDiffersInAnythingButItsHeadsIsRefused() {
        JsonObject config = config();
        JsonObject text = config.optionalObject("text_config").orElseThrow();
        var differing = Json.parse("{\"1\": {\"head_dim\": 32, \"sliding_window\": 4}}", "value");

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> AutoModel.fromConfig(config.with("text_config", text.with("per_layer_config", differing))));

        assertTrue(refused.problem().contains("gives layer 1 a sliding_window"), refused.problem());
    }

    private static JsonObject config() {
        return Json.parse(Golden.directory("gemma4", "moe_tied").resolve("config.json"))
                .asObject();
    }
}
