package dev.bowline.report;

import java.util.ArrayList;
import java.util.List;

/// The values of a figure over the steps of a run, in a bounded number of points: a point of a long run stands for
/// several steps, and has their mean and their extremes.
final class Curve {

    private final int most;
    private final List<Point> points = new ArrayList<>();
    private long stepsPerPoint = 1;

    /// @param first the first of the steps that the point stands for
    /// @param last the last of them
    /// @param steps the number of values
    record Point(long first, long last, long steps, double mean, double least, double most) {

        static Point of(long step, double value) {
            return new Point(step, step, 1, value, value, value);
        }

        Point with(Point later) {
            long sum = steps + later.steps;
            return new Point(
                    first,
                    later.last,
                    sum,
                    (mean * steps + later.mean * later.steps) / sum,
                    Math.min(least, later.least),
                    Math.max(most, later.most));
        }
    }

    /// @param most points; at least 2
    Curve(int most) {
        this.most = most;
    }

    /// Adds the value of a step after the steps before. A value that is not finite has no place on a curve.
    void add(long step, double value) {
        if (Double.isFinite(value)) {
            add(Point.of(step, value));
        }
    }

    void add(Point point) {
        if (!points.isEmpty() && points.getLast().steps() + point.steps() <= stepsPerPoint) {
            points.add(points.removeLast().with(point));
            return;
        }
        points.add(point);
        if (points.size() > most) {
            halve();
        }
    }

    private void halve() {
        stepsPerPoint *= 2;
        List<Point> all = List.copyOf(points);
        points.clear();
        for (int i = 0; i < all.size(); i += 2) {
            points.add(i + 1 < all.size() ? all.get(i).with(all.get(i + 1)) : all.get(i));
        }
    }

    List<Point> points() {
        return List.copyOf(points);
    }

    boolean isEmpty() {
        return points.isEmpty();
    }
}
