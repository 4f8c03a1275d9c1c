package dev.bowline.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// A checkpoint's own files say how it is sampled and where its text ends.
class GenerationSettingsTest {

    private static final JsonObject CONFIG = json("""
            {"eos_token_id": [1, 106], "text_config": {"eos_token_id": 1}}""");

    @Test
    void everyKnownKeyIsTaken() {
        JsonObject file = json("""
                {"do_sample": true, "temperature": 0.7, "top_k": 64, "top_p": 0.95, "eos_token_id": [1, 106, 50],
                 "max_new_tokens": 17, "repetition_penalty": 1.2, "suppress_tokens": [258883, 258882]}""");

        assertEquals(
                new GenerationSettings(
                        17, Set.of(1, 106, 50), Set.of(258883, 258882), 1.2, new Sampling.Sampled(0.7, 64, 0.95, 0)),
                GenerationSettings.of(CONFIG, Optional.of(file)));
    }

    @Test
    void aFileThatDoesNotAskForSamplingIsGreedy() {
        GenerationSettings settings = GenerationSettings.of(CONFIG, Optional.of(json("{\"temperature\": 0.7}")));

        assertEquals(new Sampling.Greedy(), settings.sampling());
        assertEquals(GenerationSettings.DEFAULT_MAX_NEW_TOKENS, settings.maxNewTokens());
    }

    @Test
    void stopTokensComeFromConfigWhereTheGenerationFileNamesNone() {
        assertEquals(
                Set.of(1, 106), GenerationSettings.of(CONFIG, Optional.empty()).stopTokens());
        assertEquals(
                Set.of(1, 106),
                GenerationSettings.of(CONFIG, Optional.of(json("{\"eos_token_id\": null}")))
                        .stopTokens());
        assertEquals(
                Set.of(7),
                GenerationSettings.of(CONFIG, Optional.of(json("{\"eos_token_id\": 7}")))
                        .stopTokens());
    }

    @Test
    void theTextConfigNamesThemLast() {
        assertEquals(
                Set.of(1),
                GenerationSettings.of(CONFIG.without("eos_token_id"), Optional.empty())
                        .stopTokens());
        assertEquals(
                Set.of(), GenerationSettings.of(json("{}"), Optional.empty()).stopTokens());
    }

    @Test
    void valuesThatCannotBeMeantAreRefused() {
        GenerationSettings settings = GenerationSettings.greedy(5);

        assertThrows(BowlineException.class, () -> settings.withMaxNewTokens(0));
        assertThrows(BowlineException.class, () -> settings.withRepetitionPenalty(0));
        assertThrows(
                BowlineException.class,
                () -> GenerationSettings.of(CONFIG, Optional.of(json("{\"eos_token_id\": \"<eos>\"}"))));
    }

    private static JsonObject json(String text) {
        return Json.parse(text, "test.json").asObject();
    }
}
