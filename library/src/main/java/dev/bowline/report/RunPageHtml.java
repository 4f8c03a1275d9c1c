package dev.bowline.report;

import static dev.bowline.report.Html.text;

import dev.bowline.BowlineVersion;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The report of a run as one page that needs nothing else: no script, no font, no network.
final class RunPageHtml implements HtmlRenderer<RunHistory> {

    /// A browser loads the page of a run that trains again after this time.
    private static final String REFRESH = "<meta http-equiv=\"refresh\" content=\"10\">\n";

    private static final String WARNING = "warning: ";

    @Override
    public String html(RunHistory run) {
        String state = run.state().name().toLowerCase(Locale.ROOT);
        StringBuilder html = new StringBuilder(start(run));
        html.append("<p class=\"muted\">%s, written by Bowline %s at %s.</p>\n"
                .formatted(
                        text(run.facts().directory().toString()),
                        text(BowlineVersion.current()),
                        run.updated().truncatedTo(ChronoUnit.SECONDS)));
        html.append("<section class=\"%s\"><div class=\"verdict\"><p>%s</p>".formatted(state, text(verdict(run))));
        run.failure().ifPresent(problem -> html.append("<p>%s</p>".formatted(text(problem))));
        html.append("</div></section>\n");
        tiles(html, run);
        notes(html, run);
        charts(html, run);
        AnswerSections.append(html, run);
        RunPageSections.append(html, run);
        return html.append(Html.END).toString();
    }

    private static String start(RunHistory run) {
        String start = Html.start("Fine-tuning of " + run.facts().base().getFileName(), RunPageStyle.CSS);
        return switch (run.state()) {
            case RUNNING -> start.replaceFirst("<title>", REFRESH + "<title>");
            case FINISHED, STOPPED, FAILED -> start;
        };
    }

    private static String verdict(RunHistory run) {
        String steps = "step %s of %s"
                .formatted(
                        Quantity.count(run.step()), Quantity.count(run.facts().lastStep()));
        return switch (run.state()) {
            case RUNNING -> "Training: %s. This page loads itself again every 10 seconds.".formatted(steps);
            case FINISHED -> "Finished after %s.".formatted(steps);
            case STOPPED -> "Stopped after %s, as asked, and saved.".formatted(steps);
            case FAILED -> "Failed after %s.".formatted(steps);
        };
    }

    private static void tiles(StringBuilder html, RunHistory run) {
        html.append("<div class=\"tiles\">\n");
        change(html, "loss", run.points(RunFigure.LOSS));
        change(html, "validation loss", run.points(RunFigure.VAL_LOSS));
        run.points(RunFigure.VAL_LOSS).stream()
                .min((one, other) -> Double.compare(one.least(), other.least()))
                .ifPresent(best ->
                        tile(html, Figures.of(best.least()), "best validation loss, step %d".formatted(best.last())));
        List<Curve.Point> speed = run.points(RunFigure.TPS);
        if (!speed.isEmpty()) {
            tile(html, Figures.of(speed.getLast().mean()), "tokens per second");
        }
        tile(html, Quantity.count(run.facts().trainedParameters()), "trained parameters");
        tile(html, Quantity.duration(Duration.between(run.facts().started(), run.updated())), "time since the start");
        html.append("</div>\n");
    }

    private static void change(StringBuilder html, String name, List<Curve.Point> points) {
        if (!points.isEmpty()) {
            tile(
                    html,
                    Figures.of(points.getLast().mean()),
                    "%s, from %s".formatted(name, Figures.of(points.getFirst().mean())));
        }
    }

    private static void tile(StringBuilder html, String value, String name) {
        html.append("<div><b>%s</b><span>%s</span></div>\n".formatted(text(value), text(name)));
    }

    private static void notes(StringBuilder html, RunHistory run) {
        if (run.notes().isEmpty()) {
            return;
        }
        html.append("<h2>Warnings and notes</h2>\n<ul class=\"notes\">\n");
        List<String> ordered = new ArrayList<>();
        run.notes().stream().filter(note -> note.startsWith(WARNING)).forEach(ordered::add);
        run.notes().stream().filter(note -> !note.startsWith(WARNING)).forEach(ordered::add);
        for (String note : ordered) {
            html.append(
                    note.startsWith(WARNING)
                            ? "<li><span class=\"warning\">Warning:</span> %s</li>\n"
                                    .formatted(text(note.substring(WARNING.length())))
                            : "<li>%s</li>\n".formatted(text(note)));
        }
        html.append("</ul>\n");
    }

    private static void charts(StringBuilder html, RunHistory run) {
        html.append("<h2>Curves</h2>\n");
        if (run.points(RunFigure.LOSS).isEmpty()) {
            html.append("<p class=\"muted\">No step was taken yet.</p>\n");
            return;
        }
        legend(html, run.marks());
        html.append("<div class=\"charts\">\n");
        List<LineChart.Line> losses = new ArrayList<>();
        losses.add(new LineChart.Line("loss", "a", run.points(RunFigure.LOSS)));
        losses.add(new LineChart.Line("validation loss", "b", run.points(RunFigure.VAL_LOSS)));
        figure(html, "Loss", " <span class=\"muted\">and validation loss (orange), by step</span>", losses, run);
        for (RunFigure figure : List.of(RunFigure.LR, RunFigure.GRAD_NORM, RunFigure.TPS)) {
            List<LineChart.Line> line =
                    List.of(new LineChart.Line(figure.title().toLowerCase(Locale.ROOT), "a", run.points(figure)));
            figure(
                    html,
                    figure.title(),
                    figure == RunFigure.GRAD_NORM ? " <span class=\"muted\">before clipping</span>" : "",
                    line,
                    run);
        }
        html.append("</div>\n");
    }

    private static void figure(
            StringBuilder html, String title, String more, List<LineChart.Line> lines, RunHistory run) {
        html.append("<figure><figcaption>%s%s</figcaption>\n%s</figure>\n"
                .formatted(text(title), more, new LineChart(title, lines, run.marks()).svg()));
    }

    private static void legend(StringBuilder html, List<RunMark> marks) {
        html.append("<div class=\"legend\">");
        entry(html, "<path class=\"save\" d=\"M6 2l4 8h-8z\"/>", count(marks, RunMark.Kind.SAVE, "save"));
        entry(
                html,
                "<path class=\"validation\" d=\"M6 3a3 3 0 1 0 .01 0z\"/>",
                count(marks, RunMark.Kind.VALIDATION, "validation"));
        entry(html, "<path class=\"restart\" d=\"M6 10l4 -8h-8z\"/>", count(marks, RunMark.Kind.RESTART, "restart"));
        html.append("</div>\n");
    }

    private static String count(List<RunMark> marks, RunMark.Kind kind, String noun) {
        return Quantity.count(marks.stream().filter(mark -> mark.kind() == kind).count(), noun);
    }

    private static void entry(StringBuilder html, String shape, String name) {
        html.append(
                "<span><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\">%s</svg>%s</span>".formatted(shape, text(name)));
    }
}
