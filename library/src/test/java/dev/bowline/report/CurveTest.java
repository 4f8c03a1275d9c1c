package dev.bowline.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/// A curve of a run of any length has a bounded number of points, which together have every value.
class CurveTest {

    @Test
    void aLongRunHasFewPointsAndEveryStep() {
        Curve curve = new Curve(50);

        for (long step = 1; step <= 100_000; step++) {
            curve.add(step, step % 999 == 0 ? 7 : 1);
        }

        List<Curve.Point> points = curve.points();
        assertTrue(points.size() > 25 && points.size() <= 50, () -> points.size() + " points");
        assertEquals(100_000, points.stream().mapToLong(Curve.Point::steps).sum());
        assertEquals(7, points.stream().mapToDouble(Curve.Point::most).max().orElseThrow());
        long next = 1;
        for (Curve.Point point : points) {
            assertEquals(next, point.first());
            next = point.last() + 1;
        }
        double mean = points.stream()
                        .mapToDouble(point -> point.mean() * point.steps())
                        .sum()
                / 100_000;
        assertEquals(1.006, mean, 1e-9);
    }

    @Test
    void aShortRunHasEachValue() {
        Curve curve = new Curve(50);

        curve.add(3, 0.5);
        curve.add(4, Double.NaN);
        curve.add(5, 0.25);

        assertEquals(List.of(Curve.Point.of(3, 0.5), Curve.Point.of(5, 0.25)), curve.points());
    }

    @Test
    void aPictureHasNumbersOnlyForAnyValues() {
        for (List<Double> values : List.of(
                List.of(1.0),
                List.of(0.0, 0.0),
                List.of(-3.0, -3.0),
                List.of(1e-30, 2e-30),
                List.of(1e300, -1e300),
                List.of(5.0, 5.0000001))) {
            Curve curve = new Curve(4);
            for (int i = 0; i < values.size(); i++) {
                curve.add(i + 1, values.get(i));
            }

            String svg = new LineChart(
                            "t",
                            List.of(new LineChart.Line("t", "a", curve.points())),
                            List.of(new RunMark(1, RunMark.Kind.RESTART, "r"), new RunMark(9, RunMark.Kind.SAVE, "s")))
                    .svg();

            assertFalse(svg.matches("(?s).*(NaN|Infinity).*"), svg);
            assertTrue(svg.length() < 8000, () -> values + ": " + svg.length());
        }
    }

    @Test
    void numbersAreShort() {
        assertEquals(
                List.of("0", "0.1235", "12.3", "12,345", "1.2e-5", "-3e-4", "1e9"),
                List.of(0.0, 0.12345, 12.3, 12345.4, 1.2e-5, -3e-4, 1e9).stream()
                        .map(Figures::of)
                        .toList());
    }
}
