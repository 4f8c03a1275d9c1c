package dev.bowline.train;

import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;

/// The facts of the evaluations of a run that a resumed run continues with.
///
/// @param questions the questions and the length of their answers, as a short text
/// @param base the scores before the first step
/// @param answers the answers to the first questions before the first step
/// @param metric the name of the score that `best` has; empty without one
/// @param best the best score so far; empty before the first one
/// @param withoutGain evaluations since the best score
record EvaluationProgress(
        String questions,
        SequencedMap<String, Double> base,
        List<String> answers,
        String metric,
        OptionalDouble best,
        int withoutGain) {

    static final EvaluationProgress NONE =
            new EvaluationProgress("", new LinkedHashMap<>(), List.of(), "", OptionalDouble.empty(), 0);

    private static final String BASE = "base";
    private static final String ANSWERS = "base_answers";
    private static final String QUESTIONS = "questions";
    private static final String METRIC = "metric";
    private static final String BEST = "best";
    private static final String WITHOUT_GAIN = "without_gain";

    EvaluationProgress {
        base = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(base));
        answers = List.copyOf(answers);
    }

    static EvaluationProgress of(JsonObject json) {
        SequencedMap<String, Double> base = new LinkedHashMap<>();
        json.requireObject(BASE).fields().forEach((name, value) -> {
            if (value instanceof JsonNumber number) {
                base.put(name, number.asDouble());
            }
        });
        List<String> answers = new ArrayList<>();
        for (JsonValue each : json.requireArray(ANSWERS).values()) {
            if (each instanceof JsonString text) {
                answers.add(text.value());
            }
        }
        return new EvaluationProgress(
                json.requireString(QUESTIONS),
                base,
                answers,
                json.requireString(METRIC),
                json.optionalDouble(BEST),
                json.requireInt(WITHOUT_GAIN));
    }

    JsonObject json() {
        JsonObject scores = JsonObject.of();
        for (var entry : base.entrySet()) {
            scores = scores.with(entry.getKey(), entry.getValue());
        }
        JsonObject json = JsonObject.of()
                .with(QUESTIONS, questions)
                .with(BASE, scores)
                .with(ANSWERS, JsonValue.of(answers.stream().map(JsonValue::of).toList()))
                .with(METRIC, metric)
                .with(WITHOUT_GAIN, withoutGain);
        return best.isPresent() ? json.with(BEST, best.getAsDouble()) : json;
    }

    EvaluationProgress withBase(SequencedMap<String, Double> scores, List<String> toFirst) {
        return new EvaluationProgress(questions, scores, toFirst, metric, best, withoutGain);
    }

    /// The same for questions and a score. Nothing is known of other questions, and no best value of another score.
    EvaluationProgress of(String asked, String score) {
        if (!asked.equals(questions)) {
            return new EvaluationProgress(asked, new LinkedHashMap<>(), List.of(), score, OptionalDouble.empty(), 0);
        }
        return score.equals(metric)
                ? this
                : new EvaluationProgress(questions, base, answers, score, OptionalDouble.empty(), 0);
    }

    /// After an evaluation.
    ///
    /// @param bestNow the best score, this one included
    /// @param withoutGainNow evaluations since a gain that counts
    EvaluationProgress after(OptionalDouble bestNow, int withoutGainNow) {
        return new EvaluationProgress(questions, base, answers, metric, bestNow, withoutGainNow);
    }

    Optional<String> answer(int sample) {
        return sample < answers.size() ? Optional.of(answers.get(sample)) : Optional.empty();
    }
}
