package dev.bowline.report;

import static dev.bowline.report.Html.text;

import dev.bowline.train.RunEvaluation;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/// The answers of the model in the report of a run: the scores by step, and the answers to the first questions before
/// and
/// after training.
final class AnswerSections {

    private AnswerSections() {}

    static void append(StringBuilder html, RunHistory run) {
        SequencedMap<String, Curve> scores = run.scores();
        if (scores.isEmpty()) {
            return;
        }
        html.append(
                "<h2>Answers</h2>\n<p class=\"muted\">The scores of the answers to held-out questions, by step; step 0"
                        + " is the model before the first step.</p>\n<div class=\"charts\">\n");
        scores.forEach((name, curve) -> html.append("<figure><figcaption>%s</figcaption>\n%s</figure>\n"
                .formatted(
                        text(name),
                        new LineChart(name, List.of(new LineChart.Line(name, "a", curve.points())), run.marks())
                                .svg())));
        html.append("</div>\n");
        run.evaluation().ifPresent(last -> {
            table(html, last);
            samples(html, last);
        });
    }

    private static void table(StringBuilder html, RunEvaluation last) {
        html.append("<div class=\"scroll\"><table><tr><th>score</th><th class=\"number\">base</th>"
                + "<th class=\"number\">step %d</th></tr>\n".formatted(last.step()));
        for (Map.Entry<String, Double> score : last.scores().entrySet()) {
            html.append("<tr><td>%s</td><td class=\"number\">%s</td><td class=\"number\">%s</td></tr>\n"
                    .formatted(
                            text(score.getKey()),
                            Optional.ofNullable(last.base().get(score.getKey()))
                                    .map(base -> text(RunEvaluationText.value(score.getKey(), base)))
                                    .orElse("–"),
                            text(RunEvaluationText.value(score.getKey(), score.getValue()))));
        }
        html.append(
                "</table></div>\n<p class=\"muted\">%s, %s of the answers stopped by themselves, %.1f tokens each.</p>\n"
                        .formatted(
                                Quantity.count(last.questions(), "question"),
                                RunEvaluationText.value("", last.stopped()),
                                last.meanTokens()));
    }

    private static void samples(StringBuilder html, RunEvaluation last) {
        for (RunEvaluation.Sample sample : last.samples()) {
            html.append("<table class=\"facts\">\n");
            row(html, "question", sample.prompt());
            row(html, "expected", sample.expected());
            sample.base().ifPresent(base -> row(html, "base", base));
            row(html, "step " + last.step(), sample.answer());
            html.append("</table>\n");
        }
    }

    private static void row(StringBuilder html, String name, String value) {
        String lines = value.lines().map(Html::text).collect(Collectors.joining("\n"));
        html.append("<tr><th>%s</th><td class=\"answer\">%s</td></tr>\n".formatted(text(name), lines));
    }
}
