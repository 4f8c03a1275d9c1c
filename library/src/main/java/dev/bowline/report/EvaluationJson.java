package dev.bowline.report;

import dev.bowline.evaluate.EvaluatedRow;
import dev.bowline.evaluate.EvaluationResult;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.Locale;
import java.util.SequencedMap;

/// The scores of one model or several on the same rows, and all answers.
public final class EvaluationJson implements JsonRenderer<SequencedMap<String, EvaluationResult>> {

    /// @param results by the name of the model
    @Override
    public JsonObject json(SequencedMap<String, EvaluationResult> results) {
        return JsonObject.of()
                .with(
                        "models",
                        JsonValue.of(results.entrySet().stream()
                                .map(entry -> json(entry.getKey(), entry.getValue()))
                                .toList()));
    }

    private static JsonObject json(String model, EvaluationResult result) {
        return JsonObject.of()
                .with("model", model)
                .with(
                        "scores",
                        JsonValue.of(result.scores().entrySet().stream()
                                .map(score -> JsonObject.of()
                                        .with("metric", score.getKey())
                                        .with("mean", score.getValue().mean())
                                        .with("rows", score.getValue().rows()))
                                .toList()))
                .with("stopped", result.stopped())
                .with("empty", result.empty())
                .with("mean_tokens", result.meanTokens())
                .with("seconds", result.seconds())
                .with(
                        "rows",
                        JsonValue.of(
                                result.rows().stream().map(EvaluationJson::row).toList()));
    }

    private static JsonObject row(EvaluatedRow row) {
        return JsonObject.of()
                .with("origin", row.origin())
                .with("prompt", row.prompt())
                .with("expected", row.expected())
                .with("answer", row.answer().text())
                .with("tokens", row.answer().tokens())
                .with("ending", row.answer().ending().name().toLowerCase(Locale.ROOT))
                .with(
                        "scores",
                        JsonValue.of(row.scores().entrySet().stream()
                                .map(score -> JsonObject.of()
                                        .with("metric", score.getKey())
                                        .with("value", score.getValue()))
                                .toList()));
    }
}
