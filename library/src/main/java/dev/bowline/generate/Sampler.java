package dev.bowline.generate;

import dev.bowline.BowlineException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/// Chooses the next token of one continuation.
///
/// The order is that of transformers: repetition penalty, constraints, suppressed tokens, temperature, top-k,
/// top-p, min-p, draw.
final class Sampler {

    /// @param score the logarithm of its probability, minus that of the best token
    record Candidate(int token, float score) {}

    private static final Comparator<Candidate> BEST_FIRST =
            Comparator.comparingDouble(Candidate::score).reversed().thenComparingInt(Candidate::token);

    private final GenerationSettings settings;
    private final BitSet seen = new BitSet();
    private final ForbiddenTokens forbidden;
    private final SplittableRandom random;

    Sampler(GenerationSettings settings) {
        this.settings = settings;
        forbidden = new ForbiddenTokens(settings.constraints(), settings.stopTokens());
        random = new SplittableRandom(
                switch (settings.sampling()) {
                    case Sampling.Greedy _ -> 0;
                    case Sampling.Sampled sampled -> sampled.seed();
                });
    }

    /// Records a token of the prompt or the continuation, for the repetition penalty and the constraints.
    void see(int token) {
        seen.set(token);
        forbidden.see(token);
    }

    /// @param scores `[V]` the logits, changed in place
    int choose(float[] scores) {
        process(scores);
        return switch (settings.sampling()) {
            case Sampling.Greedy _ -> best(scores);
            case Sampling.Sampled sampled -> draw(candidates(scores, sampled), random.nextDouble());
        };
    }

    /// Processes the logits, for greedy decoding and for sampling.
    ///
    /// @param scores `[V]` changed in place
    void process(float[] scores) {
        penalizeRepetition(scores);
        forbidden.applyTo(scores);
        for (int token : settings.suppressedTokens()) {
            if (token < scores.length) {
                scores[token] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    private void penalizeRepetition(float[] scores) {
        float penalty = (float) settings.repetitionPenalty();
        if (penalty != 1) {
            seen.stream()
                    .takeWhile(token -> token < scores.length)
                    .forEach(token ->
                            scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty);
        }
    }

    private static int best(float[] scores) {
        int best = 0;
        for (int token = 0; token < scores.length; token++) {
            requireNumber(scores[token]);
            if (scores[token] > scores[best]) {
                best = token;
            }
        }
        requireToken(scores[best]);
        return best;
    }

    /// The tokens that may be sampled, best first.
    static List<Candidate> candidates(float[] scores, Sampling.Sampled sampled) {
        float temperature = (float) sampled.temperature();
        float largest = Float.NEGATIVE_INFINITY;
        for (int token = 0; token < scores.length; token++) {
            requireNumber(scores[token]);
            scores[token] /= temperature;
            largest = Math.max(largest, scores[token]);
        }
        requireToken(largest);
        float lowest = sampled.topK() == 0 ? Float.NEGATIVE_INFINITY : ranked(scores, sampled.topK());
        List<Candidate> kept = new ArrayList<>();
        for (int token = 0; token < scores.length; token++) {
            if (scores[token] >= lowest && scores[token] != Float.NEGATIVE_INFINITY) {
                kept.add(new Candidate(token, scores[token] - largest));
            }
        }
        kept.sort(BEST_FIRST);
        List<Candidate> likely = sampled.topP() < 1 ? nucleus(kept, sampled.topP()) : kept;
        return sampled.minP() > 0 ? atLeast(likely, sampled.minP()) : likely;
    }

    /// The tokens whose probability is at least `minP` times that of the best token, and always the best token.
    private static List<Candidate> atLeast(List<Candidate> bestFirst, double minP) {
        int kept = 1;
        while (kept < bestFirst.size() && Math.exp(bestFirst.get(kept).score()) >= minP) {
            kept++;
        }
        return bestFirst.subList(0, kept);
    }

    /// The k-th largest score. All tokens with this score or a larger one are kept.
    private static float ranked(float[] scores, int k) {
        float[] sorted = scores.clone();
        Arrays.sort(sorted);
        return sorted[Math.max(0, sorted.length - k)];
    }

    /// The fewest best tokens whose probabilities sum to at least `topP`; at least one token.
    private static List<Candidate> nucleus(List<Candidate> bestFirst, double topP) {
        double wanted = topP * mass(bestFirst);
        double better = 0;
        int kept = 0;
        while (kept < bestFirst.size() && (kept == 0 || better < wanted)) {
            better += Math.exp(bestFirst.get(kept).score());
            kept++;
        }
        return bestFirst.subList(0, kept);
    }

    /// The candidate at a point of the distribution.
    ///
    /// @param point uniform from 0 to 1
    private static int draw(List<Candidate> candidates, double point) {
        double wanted = point * mass(candidates);
        double passed = 0;
        for (Candidate candidate : candidates) {
            passed += Math.exp(candidate.score());
            if (passed > wanted) {
                return candidate.token();
            }
        }
        return candidates.getLast().token();
    }

    private static double mass(List<Candidate> candidates) {
        double mass = 0;
        for (Candidate candidate : candidates) {
            mass += Math.exp(candidate.score());
        }
        return mass;
    }

    private static void requireToken(float best) {
        if (best == Float.NEGATIVE_INFINITY) {
            throw new BowlineException(
                    "no token is left to choose: the settings forbid every token",
                    "suppress fewer tokens, or let sequences of tokens repeat");
        }
    }

    private static void requireNumber(float score) {
        if (Float.isNaN(score)) {
            throw new BowlineException(
                    "the model's logits are not numbers",
                    "its weights are damaged or its training diverged; use an earlier checkpoint");
        }
    }
}
