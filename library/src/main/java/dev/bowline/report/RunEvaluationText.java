package dev.bowline.report;

import dev.bowline.evaluate.EvaluationMetric;
import dev.bowline.train.RunEvaluation;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/// One evaluation of a run as a line of text.
public final class RunEvaluationText {

    private RunEvaluationText() {}

    /// The main scores, each with that of the model before the first step.
    public static String line(RunEvaluation result) {
        String scores = result.scores().entrySet().stream()
                .filter(score -> !score.getKey().contains("."))
                .map(score -> score(score, result))
                .collect(Collectors.joining(", "));
        return "%s: %s; %s in %.0f s"
                .formatted(
                        result.step() == 0 ? "answers before the first step" : "answers after step " + result.step(),
                        scores,
                        Quantity.count(result.questions(), "question"),
                        result.seconds());
    }

    private static String score(Map.Entry<String, Double> score, RunEvaluation result) {
        String now = "%s %s".formatted(score.getKey(), value(score.getKey(), score.getValue()));
        return Optional.ofNullable(result.base().get(score.getKey()))
                .map(base -> "%s (base %s)".formatted(now, value(score.getKey(), base)))
                .orElse(now);
    }

    /// A share in percent, or a perplexity.
    static String value(String name, double value) {
        return name.equals(EvaluationMetric.PERPLEXITY.text())
                ? String.format(Locale.ROOT, "%.3f", value)
                : String.format(Locale.ROOT, "%.1f %%", 100 * value);
    }
}
