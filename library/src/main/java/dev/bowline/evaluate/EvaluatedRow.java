package dev.bowline.evaluate;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/// One answer of a model with its scores.
///
/// @param origin the place where the question was read, `file:line`
/// @param prompt the question with special tokens
/// @param expected the expected answer without special tokens
/// @param answer the answer of the model
/// @param scores by name, see [AnswerScores#of]
public record EvaluatedRow(
        String origin, String prompt, String expected, GeneratedAnswer answer, SequencedMap<String, Double> scores) {

    public EvaluatedRow {
        scores = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(scores));
    }
}
