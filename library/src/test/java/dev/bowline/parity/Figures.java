package dev.bowline.parity;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/// Measured numbers in the tables of a page, written so that they survive another processor.
///
/// Rounding differs between machines, so a figure is rounded up to one digit, small ones to a floor, and two figures
/// agree when neither is more than [#FACTOR] times the other. Everything else on the page must be equal.
final class Figures {

    static final double FACTOR = 30;

    private static final Pattern FIGURE = Pattern.compile("\\b\\de-\\d+\\b|\\b\\d\\.\\d\\b");
    private static final double SMALLEST_ERROR = 1e-6;
    private static final double SMALLEST_UNITS = 0.1;

    private Figures() {}

    /// A relative error, such as `7e-6`.
    static String error(double value) {
        double size = Math.max(value, SMALLEST_ERROR);
        int exponent = (int) Math.floor(Math.log10(size));
        long digit = (long) Math.ceil(size / Math.pow(10, exponent) - 1e-9);
        return digit == 10 ? "1e" + (exponent + 1) : digit + "e" + exponent;
    }

    /// A multiple of a unit, such as `0.7`.
    static String units(double value) {
        return String.format(Locale.ROOT, "%.1f", Math.ceil(Math.max(value, SMALLEST_UNITS) * 10 - 1e-9) / 10);
    }

    /// The lines in which two pages disagree, first as `written` has them, then as `measured` has them.
    static List<String> disagreements(String written, String measured) {
        List<String> found = new ArrayList<>();
        List<String> a = written.lines().toList();
        List<String> b = measured.lines().toList();
        for (int i = 0; i < Math.max(a.size(), b.size()); i++) {
            String left = i < a.size() ? a.get(i) : "";
            String right = i < b.size() ? b.get(i) : "";
            if (!agree(left, right)) {
                found.add("- " + left);
                found.add("+ " + right);
            }
        }
        return found;
    }

    private static boolean agree(String a, String b) {
        if (a.equals(b)) {
            return true;
        }
        boolean rows = a.startsWith("|") && b.startsWith("|");
        if (!rows || !FIGURE.matcher(a).replaceAll("#").equals(FIGURE.matcher(b).replaceAll("#"))) {
            return false;
        }
        List<Double> left = values(a);
        List<Double> right = values(b);
        for (int i = 0; i < left.size(); i++) {
            double ratio = left.get(i) / right.get(i);
            if (ratio > FACTOR || ratio < 1 / FACTOR) {
                return false;
            }
        }
        return true;
    }

    private static List<Double> values(String row) {
        return FIGURE.matcher(row)
                .results()
                .map(MatchResult::group)
                .map(Double::parseDouble)
                .toList();
    }
}
