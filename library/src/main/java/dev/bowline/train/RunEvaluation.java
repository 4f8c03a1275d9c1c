package dev.bowline.train;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// The answers of the model after a step of a run, and their scores.
///
/// @param step 0 for the model before the first step
/// @param scores the mean of each score, by name
/// @param base the scores before the first step; empty if they are not known
/// @param questions the number of questions
/// @param stopped the share of answers that ended with a token at which generation stops, 0 to 1
/// @param meanTokens of an answer
/// @param samples the answers to the first questions
/// @param seconds the duration
public record RunEvaluation(
        long step,
        SequencedMap<String, Double> scores,
        SequencedMap<String, Double> base,
        int questions,
        double stopped,
        double meanTokens,
        List<Sample> samples,
        double seconds) {

    /// A question with its answers.
    ///
    /// @param origin the place where the question was read, `file:line`
    /// @param prompt with special tokens
    /// @param base the answer before the first step, if it is known
    public record Sample(String origin, String prompt, String expected, Optional<String> base, String answer) {}

    public RunEvaluation {
        scores = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(scores));
        base = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(base));
        samples = List.copyOf(samples);
    }
}
