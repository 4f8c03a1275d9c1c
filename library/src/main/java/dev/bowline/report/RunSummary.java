package dev.bowline.report;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.train.RunReport;
import dev.bowline.train.StepResult;
import dev.bowline.train.ValidationResult;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/// What a fine-tuning came to, for people and for programs.
public final class RunSummary {

    private RunSummary() {}

    public static String text(RunReport report) {
        String took = Quantity.duration(Duration.ofMillis(Math.round(report.seconds() * 1000)));
        String headline = switch (report.outcome()) {
            case FINISHED ->
                report.lastStep().isPresent()
                        ? "Fine-tuned in " + took
                        : "No step was taken: the run had already reached its last step";
            case STOPPED -> "Stopped after " + took;
        };
        Table table = Table.ofFields();
        report.lastStep().ifPresent(step -> {
            table.row("steps", Quantity.count(step.step()));
            table.row("loss", loss(step.loss()));
        });
        report.lastValidation()
                .ifPresent(validation -> table.row(
                        "held-out loss", "%s after step %d".formatted(loss(validation.loss()), validation.step())));
        table.row("trained", Quantity.count(report.trainedParameters(), "parameter"));
        report.checkpoint().ifPresent(checkpoint -> table.row("checkpoint", checkpoint.toString()));
        return headline + "\n" + table.text() + "\n" + LearningReport.text(report)
                + TieLedgerReport.text(report.ties());
    }

    private static String loss(double loss) {
        return String.format(Locale.ROOT, "%.4f", loss);
    }

    public static JsonObject json(RunReport report) {
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
                .with("notes", JsonArray.ofStrings(report.notes()))
                .with("updates", LearningReport.updates(report.updates(), report))
                .with("experts", LearningReport.experts(report))
                .with("ties", TieLedgerReport.json(report.ties()));
    }

    private static JsonValue orAbsent(Optional<? extends JsonValue> value) {
        return value.isPresent() ? value.get() : JsonValue.absent();
    }
}
