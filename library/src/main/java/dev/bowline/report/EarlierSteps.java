package dev.bowline.report;

import dev.bowline.BowlineException;
import dev.bowline.evaluate.EvaluationMetric;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.train.RunFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/// The steps that a run took before it was resumed: figures from the metrics logs, marks and experts' shares from the
/// report of the earlier process. A file that is missing or damaged leaves a gap in the report, and no error.
final class EarlierSteps {

    private final RunHistory run;
    private final long last;

    private EarlierSteps(RunHistory run) {
        this.run = run;
        last = run.facts().resumedAt();
    }

    static void addTo(RunHistory run) {
        if (run.facts().resumedAt() > 0) {
            new EarlierSteps(run).add();
        }
    }

    private void add() {
        Path directory = run.facts().directory();
        rows(
                directory.resolve(RunFiles.TRAINING),
                List.of(RunFigure.LOSS, RunFigure.GRAD_NORM, RunFigure.LR, RunFigure.TPS));
        rows(directory.resolve(RunFiles.VALIDATION), List.of(RunFigure.VAL_LOSS));
        scores(directory.resolve(RunFiles.EVALUATION));
        Path report = directory.resolve(RunFiles.REPORT_JSON);
        if (Files.isRegularFile(report)) {
            try {
                JsonObject earlier = Json.parse(report).asObject();
                marks(earlier);
                experts(earlier);
            } catch (BowlineException _) {
                // The report of an earlier version, or not a report: the curves still have the logs.
            }
        }
    }

    private void rows(Path file, List<RunFigure> figures) {
        if (!Files.isRegularFile(file)) {
            return;
        }
        try (Stream<String> lines = Files.lines(file)) {
            lines.forEach(line -> row(line).ifPresent(row -> {
                long step = row.requireLong("step");
                if (step <= last) {
                    for (RunFigure figure : figures) {
                        row.optionalDouble(figure.id()).ifPresent(value -> run.add(figure, step, value));
                    }
                }
            }));
        } catch (IOException | UncheckedIOException | BowlineException _) {
            // The rows before the defect are on the curves.
        }
    }

    private void scores(Path file) {
        if (!Files.isRegularFile(file)) {
            return;
        }
        try (Stream<String> lines = Files.lines(file)) {
            lines.forEach(line -> row(line).ifPresent(row -> {
                long step = row.requireLong("step");
                for (EvaluationMetric metric : EvaluationMetric.values()) {
                    if (step <= last) {
                        row.optionalDouble(metric.text()).ifPresent(score -> run.addScore(metric.text(), step, score));
                    }
                }
            }));
        } catch (IOException | UncheckedIOException | BowlineException _) {
            // The rows before the defect are on the curves.
        }
    }

    /// Empty for a row that a killed process did not finish.
    private static Optional<JsonObject> row(String line) {
        try {
            return Optional.of(Json.parse(line, "a row").asObject());
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }

    private void marks(JsonObject earlier) {
        for (JsonObject mark : earlier.requireArray("marks").objects()) {
            long step = mark.requireLong("step");
            if (step <= last) {
                run.mark(new RunMark(
                        step,
                        RunMark.Kind.valueOf(mark.requireString("kind").toUpperCase(Locale.ROOT)),
                        mark.requireString("text")));
            }
        }
    }

    private void experts(JsonObject earlier) {
        for (JsonObject layer : earlier.requireArray("expert_shares").objects()) {
            RunHistory.Shares shares = run.shares(layer.requireString("layer"));
            points(layer, "least", shares.least());
            points(layer, "most", shares.most());
        }
    }

    private void points(JsonObject layer, String name, Curve curve) {
        for (JsonObject point : layer.requireArray(name).objects()) {
            if (point.requireLong("last") <= last) {
                curve.add(new Curve.Point(
                        point.requireLong("first"),
                        point.requireLong("last"),
                        point.requireLong("steps"),
                        point.requireDouble("mean"),
                        point.requireDouble("least"),
                        point.requireDouble("most")));
            }
        }
    }
}
