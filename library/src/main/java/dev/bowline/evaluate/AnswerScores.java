package dev.bowline.evaluate;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.regex.Pattern;

/// Scores one answer against the expected one.
///
/// @param metrics the scores to compute; [EvaluationMetric#PERPLEXITY] is not a score of an answer
/// @param regex the pattern of [EvaluationMetric#REGEX]
public record AnswerScores(Set<EvaluationMetric> metrics, Optional<Pattern> regex) {

    public AnswerScores {
        metrics = Set.copyOf(metrics);
        if (metrics.contains(EvaluationMetric.REGEX) && regex.isEmpty()) {
            throw new IllegalArgumentException("regex without a pattern");
        }
    }

    /// The scores by name, 0 to 1. A metric that has no meaning for the expected answer, such as the fields of a text
    /// that is no JSON object, is left out. Tool calls have parts besides: `tool_call.has_call`, `.name_correct`,
    /// `.args_json_valid`, `.args_field_recall` and `.args_field_precision`, as NeMo AutoModel names them.
    ///
    /// @param expected the text without special tokens
    /// @param expectedRaw the text with special tokens
    public SequencedMap<String, Double> of(String expected, String expectedRaw, GeneratedAnswer answer) {
        SequencedMap<String, Double> scores = new LinkedHashMap<>();
        for (EvaluationMetric metric : EvaluationMetric.values()) {
            if (metrics.contains(metric)) {
                add(scores, metric, expected.strip(), expectedRaw, answer);
            }
        }
        return scores;
    }

    private void add(
            SequencedMap<String, Double> scores,
            EvaluationMetric metric,
            String expected,
            String expectedRaw,
            GeneratedAnswer answer) {
        String text = answer.text().strip();
        switch (metric) {
            case EXACT_MATCH -> scores.put(metric.text(), score(text.equals(expected)));
            case CONTAINS -> scores.put(metric.text(), score(text.contains(expected)));
            case REGEX ->
                scores.put(
                        metric.text(), score(regex.orElseThrow().matcher(text).find()));
            case JSON_VALID -> scores.put(metric.text(), score(json(text).isPresent()));
            case JSON_FIELDS ->
                json(expected)
                        .filter(JsonObject.class::isInstance)
                        .map(JsonObject.class::cast)
                        .filter(object -> !object.fields().isEmpty())
                        .ifPresent(object -> scores.put(metric.text(), fields(object, json(text))));
            case TOOL_CALL -> addCalls(scores, ToolCallText.parse(expectedRaw), ToolCallText.parse(answer.rawText()));
            case STOP_RATE -> scores.put(metric.text(), score(answer.ending() == GeneratedAnswer.Ending.STOP_TOKEN));
            case PERPLEXITY -> {}
        }
    }

    private static double score(boolean right) {
        return right ? 1 : 0;
    }

    private static Optional<JsonValue> json(String text) {
        try {
            return Optional.of(Json.parse(text, "the answer"));
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }

    private static double fields(JsonObject expected, Optional<JsonValue> answer) {
        return answer.filter(JsonObject.class::isInstance)
                .map(value -> share(expected, (JsonObject) value))
                .orElse(0.0);
    }

    /// The share of the fields of `expected` that `there` has with the same value.
    private static double share(JsonObject expected, JsonObject there) {
        long same = expected.fields().entrySet().stream()
                .filter(field -> there.get(field.getKey())
                        .filter(value -> SameJson.test(field.getValue(), value))
                        .isPresent())
                .count();
        return expected.fields().isEmpty()
                ? 1
                : (double) same / expected.fields().size();
    }

    /// The parts compare each expected call with the call at the same place.
    private static void addCalls(SequencedMap<String, Double> scores, List<ToolCall> expected, List<ToolCall> calls) {
        boolean same = expected.size() == calls.size();
        double names = 0;
        double valid = 0;
        double recall = 0;
        double precision = 0;
        for (int i = 0; i < expected.size(); i++) {
            Optional<ToolCall> call = i < calls.size() ? Optional.of(calls.get(i)) : Optional.empty();
            ToolCall wanted = expected.get(i);
            same &= call.filter(wanted::isSame).isPresent();
            names += score(
                    call.filter(found -> found.name().equals(wanted.name())).isPresent());
            Optional<JsonObject> arguments = call.flatMap(ToolCall::arguments);
            valid += score(arguments.isPresent());
            JsonObject wantedArguments = wanted.arguments().orElseGet(JsonObject::of);
            recall += arguments.map(found -> share(wantedArguments, found)).orElse(0.0);
            precision += arguments.map(found -> share(found, wantedArguments)).orElse(0.0);
        }
        String name = EvaluationMetric.TOOL_CALL.text();
        scores.put(name, score(same));
        if (!expected.isEmpty()) {
            scores.put(name + ".has_call", score(!calls.isEmpty()));
            scores.put(name + ".name_correct", names / expected.size());
            scores.put(name + ".args_json_valid", valid / expected.size());
            scores.put(name + ".args_field_recall", recall / expected.size());
            scores.put(name + ".args_field_precision", precision / expected.size());
        }
    }
}
