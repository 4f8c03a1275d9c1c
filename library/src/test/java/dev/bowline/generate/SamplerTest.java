package dev.bowline.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Tokens are drawn from the distribution the settings describe, cut where transformers cuts it.
class SamplerTest {

    private static final int DRAWS = 20_000;

    /// Probabilities 0.4, 0.3, 0.2, 0.1 at ids 3, 0, 2, 1.
    private static final double[] PROBABILITIES = {0.3, 0.1, 0.2, 0.4};

    private static final Sampling.Sampled PLAIN = new Sampling.Sampled(1.0, 0, 1.0, 0.0, 42);

    @Test
    void drawsFollowTheModelsDistribution() {
        assertDrawn(Map.of(0, 0.3, 1, 0.1, 2, 0.2, 3, 0.4), PLAIN);
    }

    @Test
    void temperatureSharpensTheDistribution() {
        // p^2, normalised
        assertDrawn(Map.of(0, 0.09 / 0.3, 1, 0.01 / 0.3, 2, 0.04 / 0.3, 3, 0.16 / 0.3), PLAIN.withTemperature(0.5));
    }

    @Test
    void topKKeepsTheBestAndTheirProportions() {
        assertDrawn(Map.of(3, 0.4 / 0.7, 0, 0.3 / 0.7), PLAIN.withTopK(2));
    }

    @Test
    void topKOfOneIsGreedy() {
        assertEquals(
                Set.of(3),
                drawn(GenerationSettings.greedy(1), PLAIN.withTopK(1), logits()).keySet());
    }

    @Test
    void topKBeyondTheVocabularyKeepsAll() {
        assertEquals(
                Set.of(0, 1, 2, 3),
                drawn(GenerationSettings.greedy(1), PLAIN.withTopK(99), logits())
                        .keySet());
    }

    @Test
    void tokensEqualToTheKthAreKeptWithIt() {
        float[] logits = {1, 5, 1, 1};

        assertEquals(
                Set.of(0, 1, 2, 3),
                drawn(GenerationSettings.greedy(1), PLAIN.withTopK(2), logits).keySet());
    }

    @Test
    void topPKeepsTheBestUntilTheirProbabilityIsReached() {
        assertEquals(Set.of(3), kept(0.39));
        assertEquals(Set.of(3, 0), kept(0.41));
        assertEquals(Set.of(3, 0), kept(0.69));
        assertEquals(Set.of(3, 0, 2), kept(0.71));
        assertEquals(Set.of(3, 0, 2, 1), kept(0.91));
    }

    @Test
    void topPOfZeroKeepsTheBestToken() {
        assertEquals(Set.of(3), kept(0));
    }

    @Test
    void topPIsMeasuredAfterTopK() {
        // Of the best two, the first has 0.4 / 0.7 = 0.571.
        Sampling.Sampled two = PLAIN.withTopK(2);

        assertEquals(
                Set.of(3),
                drawn(GenerationSettings.greedy(1), two.withTopP(0.57), logits())
                        .keySet());
        assertEquals(
                Set.of(3, 0),
                drawn(GenerationSettings.greedy(1), two.withTopP(0.58), logits())
                        .keySet());
    }

    @Test
    void topPIsMeasuredAfterTemperature() {
        // At temperature 0.5 the best token has 0.533.
        Sampling.Sampled cold = PLAIN.withTemperature(0.5);

        assertEquals(
                Set.of(3),
                drawn(GenerationSettings.greedy(1), cold.withTopP(0.53), logits())
                        .keySet());
        assertEquals(
                Set.of(3, 0),
                drawn(GenerationSettings.greedy(1), cold.withTopP(0.54), logits())
                        .keySet());
    }

    @Test
    void repetitionDividesPositiveScoresAndMultipliesNegativeOnes() {
        GenerationSettings settings = GenerationSettings.greedy(1).withRepetitionPenalty(2);
        Sampler sampler = new Sampler(settings);
        sampler.see(0);
        sampler.see(2);
        // A token of the prompt that the head cannot produce is ignored.
        sampler.see(1000);
        float[] scores = {3, 1.6f, -1, -1.5f};

        assertEquals(1, sampler.choose(scores));
        assertEquals(1.5f, scores[0]);
        assertEquals(-2f, scores[2]);
        assertEquals(-1.5f, scores[3]);
    }

    @Test
    void repeatedTokensArePenalizedOnce() {
        Sampler sampler = new Sampler(GenerationSettings.greedy(1).withRepetitionPenalty(2));
        sampler.see(0);
        sampler.see(0);
        float[] scores = {8, 3};

        assertEquals(0, sampler.choose(scores));
        assertEquals(4f, scores[0]);
    }

    @Test
    void suppressedTokensAreNeverChosen() {
        GenerationSettings settings =
                new GenerationSettings(1, Set.of(), Set.of(3, 0, 77), 1.0, Constraints.NONE, new Sampling.Greedy());

        assertEquals(2, new Sampler(settings).choose(logits()));
        assertEquals(Set.of(1, 2), drawn(settings, PLAIN, logits()).keySet());
    }

    @Test
    void ofEqualTokensGreedyTakesTheFirst() {
        assertEquals(1, new Sampler(GenerationSettings.greedy(1)).choose(new float[] {0, 2, 2, 1}));
    }

    @Test
    void logitsThatAreNotNumbersAreRefused() {
        Sampler greedy = new Sampler(GenerationSettings.greedy(1));
        Sampler sampled = new Sampler(GenerationSettings.greedy(1).withSampling(PLAIN));

        assertThrows(BowlineException.class, () -> greedy.choose(new float[] {1, Float.NaN}));
        assertThrows(BowlineException.class, () -> sampled.choose(new float[] {1, Float.NaN}));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY})
    void temperaturesThatMeanNothingAreRefused(double temperature) {
        assertThrows(BowlineException.class, () -> PLAIN.withTemperature(temperature));
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
    void probabilitiesOutsideZeroToOneAreRefused(double topP) {
        assertThrows(BowlineException.class, () -> PLAIN.withTopP(topP));
    }

    private static Set<Integer> kept(double topP) {
        return new TreeSet<>(drawn(GenerationSettings.greedy(1), PLAIN.withTopP(topP), logits())
                .keySet());
    }

    private static void assertDrawn(Map<Integer, Double> expected, Sampling.Sampled sampling) {
        Map<Integer, Double> drawn = drawn(GenerationSettings.greedy(1), sampling, logits());
        assertEquals(expected.keySet(), drawn.keySet());
        expected.forEach((token, probability) -> {
            // Five standard deviations of a frequency.
            double allowed = 5 * Math.sqrt(probability * (1 - probability) / DRAWS);
            double off = Math.abs(drawn.getOrDefault(token, 0.0) - probability);
            assertTrue(off < allowed, "token %d: off by %s, allowed %s".formatted(token, off, allowed));
        });
    }

    /// The frequency of each token in many draws.
    private static Map<Integer, Double> drawn(GenerationSettings base, Sampling.Sampled sampling, float[] logits) {
        Sampler sampler = new Sampler(base.withSampling(sampling));
        Map<Integer, Double> frequencies = new TreeMap<>();
        for (int i = 0; i < DRAWS; i++) {
            frequencies.merge(sampler.choose(logits.clone()), 1.0 / DRAWS, Double::sum);
        }
        return frequencies;
    }

    private static float[] logits() {
        float[] logits = new float[PROBABILITIES.length];
        for (int i = 0; i < logits.length; i++) {
            // A constant added to every logit changes nothing.
            logits[i] = (float) (Math.log(PROBABILITIES[i]) + 7);
        }
        return logits;
    }
}
