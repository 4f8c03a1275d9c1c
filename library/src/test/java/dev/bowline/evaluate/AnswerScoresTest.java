package dev.bowline.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// Scores equal those of tools/make_evaluation_scores.py, which computes them from the definitions.
class AnswerScoresTest {

    private static final JsonObject FIXTURE = Json.parse(
                    Path.of("src", "test", "resources", "fixtures", "evaluate", "scores.json"))
            .asObject();
    private static final Optional<Pattern> PATTERN = Optional.of(Pattern.compile(FIXTURE.requireString("pattern")));

    private static Map<String, Double> scores(Set<EvaluationMetric> metrics, String expected, String answer) {
        return new TreeMap<>(new AnswerScores(metrics, PATTERN)
                .of(expected, expected, new GeneratedAnswer(answer, answer, 1, GeneratedAnswer.Ending.LENGTH)));
    }

    private static Map<String, Double> wanted(JsonObject row) {
        Map<String, Double> scores = new TreeMap<>();
        JsonObject object = row.requireObject("scores");
        object.keys().forEach(name -> scores.put(name, object.requireDouble(name)));
        return scores;
    }

    @Test
    void textsScoreAsTheReference() {
        Set<EvaluationMetric> metrics = EnumSet.of(
                EvaluationMetric.EXACT_MATCH,
                EvaluationMetric.CONTAINS,
                EvaluationMetric.REGEX,
                EvaluationMetric.JSON_VALID,
                EvaluationMetric.JSON_FIELDS);
        for (JsonObject row : FIXTURE.requireArray("texts").objects()) {
            assertEquals(
                    wanted(row),
                    scores(metrics, row.requireString("expected"), row.requireString("answer")),
                    row.toString());
        }
    }

    @Test
    void toolCallsOfEachFormScoreAsTheReference() {
        for (JsonObject row : FIXTURE.requireArray("tool_calls").objects()) {
            assertEquals(
                    wanted(row),
                    scores(
                            EnumSet.of(EvaluationMetric.TOOL_CALL),
                            row.requireString("expected"),
                            row.requireString("answer")),
                    row.toString());
        }
    }

    @Test
    void anAnswerWithoutACallIsRightWhereNoneIsExpected() {
        assertEquals(Map.of("tool_call", 1.0), scores(EnumSet.of(EvaluationMetric.TOOL_CALL), "text", "{\"a\": 1}"));
        assertEquals(
                Map.of("tool_call", 0.0),
                scores(EnumSet.of(EvaluationMetric.TOOL_CALL), "text", "{\"name\": \"a\", \"arguments\": {}}"));
    }

    /// Whatever a model writes, scoring ends with a score.
    @Test
    void damagedTextsHaveNoCall() {
        for (String text : new String[] {
            "{",
            "{\"",
            "{\"name\": \"a\", \"arguments\": {",
            "<|tool_call>call:",
            "<|tool_call>call:a{b",
            "[TOOL_CALLS]a",
            "[TOOL_CALLS]a[ARGS]",
            "{".repeat(3000),
            "<|tool_call>call:a" + "{a:".repeat(3000),
            "\\",
            "{\"a\\"
        }) {
            Map<String, Double> scores =
                    scores(EnumSet.of(EvaluationMetric.TOOL_CALL), "{\"name\": \"a\", \"arguments\": {}}", text);
            assertEquals(0.0, scores.get("tool_call"), text);
        }
    }

    @Test
    void theEndingDecidesTheStopRate() {
        AnswerScores scores = new AnswerScores(Set.of(EvaluationMetric.STOP_RATE), Optional.empty());

        assertTrue(scores.of("a", "a", new GeneratedAnswer("a", "a", 1, GeneratedAnswer.Ending.STOP_TOKEN))
                .containsValue(1.0));
        assertTrue(scores.of("a", "a", new GeneratedAnswer("a", "a", 1, GeneratedAnswer.Ending.LENGTH))
                .containsValue(0.0));
    }
}
