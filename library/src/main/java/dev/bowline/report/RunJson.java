package dev.bowline.report;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.train.RunReport;
import dev.bowline.train.StepResult;
import dev.bowline.train.ValidationResult;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/// The outcome of a fine-tuning.
public final class RunJson implements JsonRenderer<RunReport> {

    @Override
    public JsonObject json(RunReport report) {
        Optional<StepResult> step = report.lastStep();
        Optional<ValidationResult> validation = report.lastValidation();
        return JsonObject.of()
                .with("outcome", report.outcome().name().toLowerCase(Locale.ROOT))
                .with("step", orAbsent(step.map(last -> JsonValue.of(last.step()))))
                .with("loss", orAbsent(step.map(last -> JsonValue.of(last.loss()))))
                .with("validation_loss", orAbsent(validation.map(last -> JsonValue.of(last.loss()))))
                .with("trained_parameters", report.trainedParameters())
                .with("seconds", report.seconds())
                .with(
                        "checkpoint",
                        orAbsent(report.checkpoint().map(Path::toString).map(JsonValue::of)))
                .with("base", orAbsent(report.base().map(Path::toString).map(JsonValue::of)))
                .with("notes", JsonArray.ofStrings(report.notes()))
                .with("updates", updates(report))
                .with("experts", experts(report))
                .with("ties", new TieLedgerJson().json(report.ties()));
    }

    private static JsonValue orAbsent(Optional<? extends JsonValue> value) {
        return value.isPresent() ? value.get() : JsonValue.absent();
    }

    static JsonArray updates(RunReport report) {
        return JsonValue.of(report.updates().stream()
                .map(update -> JsonObject.of()
                        .with("component", update.component().toString())
                        .with("with_tied_head", LearningText.hasTiedHead(update, report))
                        .with("trained_parameters", update.trained())
                        .with("frozen_parameters", update.frozen())
                        .with(
                                "relative_update",
                                Double.isFinite(update.relative())
                                        ? JsonValue.of(update.relative())
                                        : JsonValue.absent()))
                .toList());
    }

    static JsonArray experts(RunReport report) {
        return JsonValue.of(report.experts().stream()
                .map(layer -> JsonObject.of()
                        .with("layer", layer.layer())
                        .with(
                                "chosen",
                                JsonValue.of(layer.chosen().stream()
                                        .map(JsonValue::of)
                                        .toList()))
                        .with("least_share", layer.least())
                        .with("most_share", layer.most())
                        .with(
                                "unused",
                                JsonValue.of(layer.unused().stream()
                                        .map(JsonValue::of)
                                        .toList())))
                .toList());
    }
}
