package dev.bowline.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.json.Json;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// A generation_config.json makes of logits what transformers makes of them: token for token, and the probability of
/// each.
class GenerationGoldenTest {

    private static final float[] NO_LOGITS = new float[24];

    @Test
    void everySettingIsThatOfTransformers() {
        List<JsonObject> cases = Json.parse(Path.of("src/test/resources/fixtures/generation_golden.json"))
                .asArray()
                .objects();
        assertEquals(48, cases.size());
        for (JsonObject golden : cases) {
            JsonObject config = golden.requireObject("config");
            GenerationSettings settings = GenerationSettings.of(JsonObject.of(), Optional.of(config));
            assertEquals(List.of(), GenerationSettings.notApplied(config));

            switch (settings.sampling()) {
                case Sampling.Greedy _ -> assertProcessed(golden, settings);
                case Sampling.Sampled sampled -> assertProbabilities(golden, settings, sampled);
            }
        }
    }

    private static void assertProcessed(JsonObject golden, GenerationSettings settings) {
        float[] scores = logits(golden);
        sampler(golden, settings).process(scores);

        List<JsonValue> expected = golden.requireArray("processed").values();
        for (int token = 0; token < scores.length; token++) {
            float value = expected.get(token) instanceof JsonNull
                    ? Float.NEGATIVE_INFINITY
                    : (float) expected.get(token).asDouble();
            assertEquals(value, scores[token], 1e-5f, golden.toString());
        }
    }

    private static void assertProbabilities(JsonObject golden, GenerationSettings settings, Sampling.Sampled sampled) {
        float[] scores = logits(golden);
        sampler(golden, settings).process(scores);
        List<Sampler.Candidate> candidates = Sampler.candidates(scores, sampled);
        double mass = candidates.stream()
                .mapToDouble(candidate -> Math.exp(candidate.score()))
                .sum();
        Map<Integer, Double> distribution = candidates.stream()
                .collect(Collectors.toMap(Sampler.Candidate::token, candidate -> Math.exp(candidate.score()) / mass));

        Map<Integer, Double> expected = new TreeMap<>();
        golden.requireObject("probabilities")
                .fields()
                .forEach((token, probability) -> expected.put(Integer.valueOf(token), probability.asDouble()));
        assertEquals(expected.keySet(), new TreeMap<>(distribution).keySet(), golden.toString());
        expected.forEach(
                (token, probability) -> assertEquals(probability, distribution.getOrDefault(token, -1.0), 1e-6));
    }

    /// One that has seen the prompt, and then the tokens generated so far.
    private static Sampler sampler(JsonObject golden, GenerationSettings settings) {
        Sampler sampler = new Sampler(settings);
        golden.requireArray("prompt").ints().forEach(sampler::see);
        List<Integer> generated = golden.requireArray("generated").ints();
        if (!generated.isEmpty()) {
            sampler.process(NO_LOGITS.clone());
            generated.forEach(sampler::see);
        }
        return sampler;
    }

    private static float[] logits(JsonObject golden) {
        List<Double> values = golden.requireArray("logits").doubles();
        float[] logits = new float[values.size()];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = values.get(i).floatValue();
        }
        return logits;
    }
}
