package dev.bowline.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.util.List;
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
                 "max_new_tokens": 17, "repetition_penalty": 1.2, "suppress_tokens": [258883, 258882], "min_p": 0.1,
                 "min_new_tokens": 2, "min_length": 9, "no_repeat_ngram_size": 3, "bad_words_ids": [[4, 5], [6]],
                 "begin_suppress_tokens": [8]}""");

        assertEquals(
                new GenerationSettings(
                        17,
                        Set.of(1, 106, 50),
                        Set.of(258883, 258882),
                        1.2,
                        new Constraints(2, 9, 3, List.of(List.of(4, 5), List.of(6)), Set.of(8)),
                        new Sampling.Sampled(0.7, 64, 0.95, 0.1, 0)),
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

    @Test
    void aRefusedValueIsNamedWithItsFileAndPlace() {
        for (String value : List.of(
                "\"temperature\": 0.0",
                "\"top_k\": -1",
                "\"top_p\": 1.5",
                "\"min_p\": -0.1",
                "\"max_new_tokens\": 0",
                "\"min_new_tokens\": -1",
                "\"no_repeat_ngram_size\": -2",
                "\"bad_words_ids\": [[]]",
                "\"bad_words_ids\": [3]",
                "\"repetition_penalty\": 0")) {
            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> GenerationSettings.of(CONFIG, Optional.of(json("{\"do_sample\": true,\n " + value + "}"))),
                    value);

            assertTrue(refused.problem().startsWith("test.json:2:"), refused.problem());
            String key = value.substring(1, value.indexOf('"', 1));
            assertTrue(refused.problem().contains(key), refused.problem());
        }
    }

    @Test
    void whatIsNotAppliedIsNamedWhereItAsksForSomething() {
        assertEquals(
                List.of(
                        "num_beams 4",
                        "forced_eos_token_id 2",
                        "stop_strings [\"a\"]",
                        "typical_p 0.9",
                        "token_healing true",
                        "max_length 4096"),
                GenerationSettings.notApplied(json("""
                        {"do_sample": true, "num_beams": 4, "forced_eos_token_id": 2, "stop_strings": ["a"],
                         "typical_p": 0.9, "token_healing": true, "max_length": 4096,
                         "top_k": 5, "transformers_version": "5.18.0"}""")));
        assertEquals(List.of(), GenerationSettings.notApplied(json("""
                        {"num_beams": 1, "typical_p": 0.9, "guidance_scale": null, "max_length": 20,
                         "penalty_alpha": 0, "sequence_bias": {}, "token_healing": false, "length_penalty": 1.0}""")));
        assertEquals(List.of(), GenerationSettings.notApplied(json("{\"max_length\": 4096, \"max_new_tokens\": 9}")));
    }

    @Test
    void whereEveryTokenIsForbiddenTheSettingsAreNamed() {
        GenerationSettings settings =
                GenerationSettings.greedy(1).withConstraints(new Constraints(0, 0, 1, List.of(), Set.of()));
        Sampler sampler = new Sampler(settings);
        sampler.see(0);
        sampler.see(1);

        assertThrows(BowlineException.class, () -> sampler.choose(new float[] {1, 2}));
    }

    private static JsonObject json(String text) {
        return Json.parse(text, "test.json").asObject();
    }
}
