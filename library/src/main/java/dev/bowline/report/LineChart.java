package dev.bowline.report;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Curves over steps as an SVG picture inside of a page, whose style gives the colours.
final class LineChart {

    private static final double WIDTH = 460;
    private static final double HEIGHT = 200;
    private static final double LEFT = 54;
    private static final double RIGHT = WIDTH - 10;
    private static final double TOP = 10;
    private static final double BOTTOM = HEIGHT - 34;
    private static final int TICKS = 4;
    private static final int SHOWN_MARKS = 60;

    private final String title;
    private final List<Line> lines;
    private final List<RunMark> marks;
    private final Range steps;
    private final Range values;

    /// @param style the class of CSS, which gives the colour
    record Line(String name, String style, List<Curve.Point> points) {}

    private record Range(double low, double high) {
        double share(double value) {
            return (value - low) / (high - low);
        }
    }

    /// @param lines at least one point in all
    /// @param marks drawn on the axis of steps; restarts as lines
    LineChart(String title, List<Line> lines, List<RunMark> marks) {
        this.title = title;
        this.lines = lines;
        this.marks = marks;
        List<Curve.Point> all =
                lines.stream().flatMap(line -> line.points().stream()).toList();
        steps = steps(all);
        values = values(all);
    }

    private static Range steps(List<Curve.Point> all) {
        double first = all.stream().mapToLong(Curve.Point::first).min().orElse(0);
        double last = all.stream().mapToLong(Curve.Point::last).max().orElse(1);
        return first < last ? new Range(first, last) : new Range(first - 1, last + 1);
    }

    /// From zero, unless the values are far from it for their spread.
    private static Range values(List<Curve.Point> all) {
        double least = all.stream().mapToDouble(Curve.Point::least).min().orElse(0);
        double most = all.stream().mapToDouble(Curve.Point::most).max().orElse(1);
        if (least >= 0 && least < 0.6 * most) {
            least = 0;
        }
        if (least == most) {
            return least == 0 ? new Range(0, 1) : new Range(least - Math.abs(least) / 2, most + Math.abs(most) / 2);
        }
        return new Range(least, most + 0.04 * (most - least));
    }

    String svg() {
        StringBuilder svg = new StringBuilder();
        svg.append("<svg class=\"chart\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n"
                .formatted(WIDTH, HEIGHT, Html.text(title + ". " + summary())));
        grid(svg);
        marks.stream().filter(mark -> mark.kind() == RunMark.Kind.RESTART).forEach(mark -> restart(svg, mark));
        lines.forEach(line -> draw(svg, line));
        marksOnAxis(svg);
        return svg.append("</svg>\n").toString();
    }

    /// The first and the last value of each line, for a reader who does not see the picture.
    private String summary() {
        List<String> parts = new ArrayList<>();
        for (Line line : lines) {
            if (!line.points().isEmpty()) {
                parts.add("%s from %s to %s"
                        .formatted(
                                line.name(),
                                Figures.of(line.points().getFirst().mean()),
                                Figures.of(line.points().getLast().mean())));
            }
        }
        return String.join("; ", parts);
    }

    private void grid(StringBuilder svg) {
        double distance = distance(values.high() - values.low(), 0);
        for (double value = Math.ceil(values.low() / distance) * distance; value <= values.high(); value += distance) {
            double y = y(value);
            svg.append(format(
                    "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, RIGHT, y, y));
            double shown = Math.abs(value) < distance / 1e6 ? 0 : value;
            svg.append(format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 6, y + 4))
                    .append(Figures.of(shown))
                    .append("</text>\n");
        }
        double stride = distance(steps.high() - steps.low(), 1);
        for (double step = Math.ceil(steps.low() / stride) * stride; step <= steps.high(); step += stride) {
            svg.append(format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x(step), HEIGHT - 4))
                    .append(Quantity.count((long) step))
                    .append("</text>\n");
        }
    }

    /// A round distance between ticks: 1, 2 or 5 times a power of ten.
    private static double distance(double range, double least) {
        double rough = range / TICKS;
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        double digit = rough / power;
        double round = digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10;
        return Math.max(least, round * power);
    }

    private void draw(StringBuilder svg, Line line) {
        if (line.points().isEmpty()) {
            return;
        }
        if (line.points().stream().anyMatch(point -> point.least() < point.most())) {
            StringBuilder band = new StringBuilder();
            line.points().forEach(point -> band.append(at(point, point.most())));
            line.points().reversed().forEach(point -> band.append(at(point, point.least())));
            svg.append("<polygon class=\"band %s\" points=\"%s\"/>\n"
                    .formatted(line.style(), band.toString().strip()));
        }
        StringBuilder path = new StringBuilder();
        line.points().forEach(point -> path.append(at(point, point.mean())));
        svg.append("<polyline class=\"%s\" points=\"%s\"/>\n"
                .formatted(line.style(), path.toString().strip()));
        if (line.points().size() <= SHOWN_MARKS) {
            for (Curve.Point point : line.points()) {
                svg.append(format(
                                "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2\">",
                                line.style(), x(middle(point)), y(point.mean())))
                        .append("<title>%s</title></circle>\n".formatted(Html.text(hint(line, point))));
            }
        }
    }

    private static String hint(Line line, Curve.Point point) {
        String place = point.first() == point.last()
                ? "step %d".formatted(point.first())
                : "steps %d to %d".formatted(point.first(), point.last());
        return "%s: %s %s".formatted(place, line.name(), Figures.of(point.mean()));
    }

    private void restart(StringBuilder svg, RunMark mark) {
        double x = x(Math.clamp(mark.step(), steps.low(), steps.high()));
        svg.append(format(
                        "<line class=\"restart\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\">", x, x, TOP, BOTTOM))
                .append("<title>%s</title></line>\n".formatted(Html.text(mark.text())));
    }

    private void marksOnAxis(StringBuilder svg) {
        Map<RunMark.Kind, List<RunMark>> kinds = new EnumMap<>(RunMark.Kind.class);
        marks.forEach(mark ->
                kinds.computeIfAbsent(mark.kind(), _ -> new ArrayList<>()).add(mark));
        kinds.forEach((kind, all) -> {
            int every = (all.size() + SHOWN_MARKS - 1) / SHOWN_MARKS;
            for (int i = all.size() - 1; i >= 0; i -= every) {
                RunMark mark = all.get(i);
                if (mark.step() >= steps.low() && mark.step() <= steps.high()) {
                    svg.append(shape(kind, x(mark.step())))
                            .append("<title>%s</title></path>\n".formatted(Html.text(mark.text())));
                }
            }
        });
    }

    /// The open tag of the shape of a mark, below the axis: each kind has its own row.
    static String shape(RunMark.Kind kind, double x) {
        return switch (kind) {
            case SAVE -> format("<path class=\"save\" d=\"M%.1f %.1fl4 8h-8z\">", x, BOTTOM + 3);
            case VALIDATION -> format("<path class=\"validation\" d=\"M%.1f %.1fa3 3 0 1 0 .01 0z\">", x, BOTTOM + 12);
            case RESTART -> format("<path class=\"restart\" d=\"M%.1f %.1fl4 -7h-8z\">", x, TOP + 7);
        };
    }

    private String at(Curve.Point point, double value) {
        return format("%.1f,%.1f ", x(middle(point)), y(value));
    }

    private static double middle(Curve.Point point) {
        return (point.first() + point.last()) / 2.0;
    }

    private double x(double step) {
        return LEFT + steps.share(step) * (RIGHT - LEFT);
    }

    private double y(double value) {
        return BOTTOM - values.share(value) * (BOTTOM - TOP);
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
