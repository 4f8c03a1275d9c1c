package dev.bowline.model.gemma4;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.decoder.DecoderConfig;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The keys of `per_layer_config` are layer indices in any spelling of a whole number, and a key that belongs
/// to no layer, or a second key for one layer, is refused.
///
/// The head sizes are those of `Gemma4TextConfig` in transformers 5.18.0 with 12 layers and otherwise no keys.
class LayerOverridesTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{'05': {'head_dim': 512}, '11': {'head_dim': 512}} | 256 256 256 256 256 512 256 256 256 256 256 512",
                "{'5': {'head_dim': 512}, '11': {'head_dim': 512}} | 256 256 256 256 256 512 256 256 256 256 256 512",
                "{' 5': {'head_dim': 512}, '+1': {'head_dim': 100}} | 256 100 256 256 256 512 256 256 256 256 256 256",
                "{'000': {'head_dim': 64}, '0011': {'head_dim': 128}} | 64 256 256 256 256 256 256 256 256 256 256 128",
                "{'05': {'head_dim': 512, 'sliding_window': 512}} | 256 256 256 256 256 512 256 256 256 256 256 256",
                "{'05': {'head_dim': 512, 'skip': []}} | 256 256 256 256 256 512 256 256 256 256 256 256",
                "{} | 256 256 256 256 256 256 256 256 256 256 256 256",
                "null | 256 256 256 256 256 256 256 256 256 256 256 256"
            })
    void theLayersHaveTheHeadsThatTheKeysSay(String layers, String heads) {
        DecoderConfig config = read(layers);

        List<Integer> expected =
                Arrays.stream(heads.split(" ")).map(Integer::valueOf).toList();
        assertEquals(
                expected,
                config.layers().stream()
                        .map(layer -> layer.attention().heads().width())
                        .toList());
    }

    @Test
    void withoutTheKeyFullLayersHaveTheGlobalHeads() {
        JsonObject text = text().with("global_head_dim", 128);

        assertEquals(
                List.of(256, 256, 256, 256, 256, 128, 256, 256, 256, 256, 256, 128),
                Gemma4Family.CAUSAL_LM.read(text, new ConfigFindings()).layers().stream()
                        .map(layer -> layer.attention().heads().width())
                        .toList());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{'05': {'head_dim': 512}, '5': {'head_dim': 128}} | config.json:1:32: | '05' and '5' for one layer",
                "{'12': {'head_dim': 512}} | config.json:1:8: | the key '12', num_hidden_layers is 12",
                "{'-1': {'head_dim': 512}} | config.json:1:8: | the key '-1', num_hidden_layers is 12",
                "{'five': {'head_dim': 512}} | config.json:1:10: | the key 'five', num_hidden_layers is 12",
                "{'99999999999': {'head_dim': 512}} | config.json:1:17: | the key '99999999999'",
                "{'': {'head_dim': 512}} | config.json:1:6: | the key '', num_hidden_layers is 12",
                "{'07': {'sliding_window': 4}} | config.json:1:27: | gives layer 7 a sliding_window of its own",
                "{'07': {'skip': ['mlp']}} | config.json:1:17: | gives layer 7 a skip of its own"
            })
    void aKeyThatIsNoLayerOrASecondOneForALayerIsRefusedAtItsPlace(String layers, String place, String named) {
        BowlineException refused = assertThrows(BowlineException.class, () -> read(layers));

        assertTrue(refused.problem().startsWith(place), refused.problem());
        assertTrue(refused.problem().contains(named), refused.problem());
    }

    private static DecoderConfig read(String layers) {
        return Gemma4Family.CAUSAL_LM.read(
                text().with("per_layer_config", Json.parse(layers.replace('\'', '"'), "config.json")),
                new ConfigFindings());
    }

    /// `sliding_window` at its default: an override is compared with the value that is written.
    private static JsonObject text() {
        return JsonObject.of().with("num_hidden_layers", 12).with("sliding_window", 512);
    }
}
