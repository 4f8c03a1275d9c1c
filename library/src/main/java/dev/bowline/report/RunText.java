package dev.bowline.report;

import dev.bowline.train.RunReport;
import java.time.Duration;
import java.util.Locale;

/// The outcome of a fine-tuning.
public final class RunText implements TextRenderer<RunReport> {

    @Override
    public String text(RunReport report) {
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
        report.base().ifPresent(base -> table.row("base", base.toString()));
        String saved = report.base().isPresent() ? "adapter" : "checkpoint";
        report.checkpoint().ifPresent(checkpoint -> table.row(saved, checkpoint.toString()));
        return headline + "\n" + table.text() + "\n" + new LearningText().text(report)
                + new TieLedgerText().text(report.ties());
    }

    private static String loss(double loss) {
        return String.format(Locale.ROOT, "%.4f", loss);
    }
}
