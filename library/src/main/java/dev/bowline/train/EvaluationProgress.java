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
/// @param base the scores before the first step
/// @param answers the answers to the first questions before the first step
/// @param best the best score so far; empty before the first one
/// @param withoutGain evaluations since the best score
record EvaluationProgress(
        SequencedMap<String, Double> base, List<String> answers, OptionalDouble best, int withoutGain) {

    static final EvaluationProgress NONE =
            new EvaluationProgress(new LinkedHashMap<>(), List.of(), OptionalDouble.empty(), 0);

    private static final String BASE = "base";
    private static final String ANSWERS = "base_answers";
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
        return new EvaluationProgress(base, answers, json.optionalDouble(BEST), json.requireInt(WITHOUT_GAIN));
    }

    JsonObject json() {
        JsonObject scores = JsonObject.of();
        for (var entry : base.entrySet()) {
            scores = scores.with(entry.getKey(), entry.getValue());
        }
        JsonObject json = JsonObject.of()
                .with(BASE, scores)
                .with(ANSWERS, JsonValue.of(answers.stream().map(JsonValue::of).toList()))
                .with(WITHOUT_GAIN, withoutGain);
        return best.isPresent() ? json.with(BEST, best.getAsDouble()) : json;
    }

    EvaluationProgress withBase(SequencedMap<String, Double> scores, List<String> toFirst) {
        return new EvaluationProgress(scores, toFirst, best, withoutGain);
    }

    EvaluationProgress better(double score) {
        return new EvaluationProgress(base, answers, OptionalDouble.of(score), 0);
    }

    EvaluationProgress notBetter() {
        return new EvaluationProgress(base, answers, best, withoutGain + 1);
    }

    Optional<String> answer(int sample) {
        return sample < answers.size() ? Optional.of(answers.get(sample)) : Optional.empty();
    }
}
