package dev.bowline.data;

import dev.bowline.BowlineException;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The part of a dataset to read: a split by its name, and perhaps a slice of its rows, in the notation of Hugging
/// Face datasets: `train`, `train[:100]`, `validation[10%:20%]`, `train[-50:]`.
///
/// @param name the name of the split; empty for the only split, or for the first of `preferred` that exists
/// @param preferred names for a dataset that has several splits
/// @param the first row of the slice
/// @param to the end of the slice, exclusive
public record DatasetSplit(Optional<String> name, List<String> preferred, Optional<Bound> from, Optional<Bound> to) {

    /// A number of rows or percents, counted from the first row, or from the end if it is negative.
    public record Bound(int value, Unit unit) {}

    /// The unit of a bound.
    public enum Unit {
        ROWS,
        PERCENT
    }

    /// The rows of a slice, from 0.
    ///
    /// @param to exclusive
    record Range(long from, long to) {}

    private static final String BOUND = "(-?[0-9][0-9_]{0,11}%?)?";
    private static final Pattern FORM = Pattern.compile("(\\w+(?:\\.\\w+)*)(?:\\[" + BOUND + ":" + BOUND + "\\])?");

    public DatasetSplit {
        preferred = List.copyOf(preferred);
    }

    /// All rows of the only split; if there are several, of the first of `preferred` that exists.
    public static DatasetSplit preferring(String... preferred) {
        return new DatasetSplit(Optional.empty(), List.of(preferred), Optional.empty(), Optional.empty());
    }

    /// @throws BowlineException if the text does not have this form
    public static DatasetSplit of(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new BowlineException(
                    "'%s' is not a split".formatted(text),
                    "write a name, such as train, or a name and a slice of its rows, such as train[:1000] or"
                            + " train[90%:]");
        }
        return new DatasetSplit(
                Optional.of(form.group(1)),
                List.of(),
                Optional.ofNullable(form.group(2)).map(bound -> bound(text, bound)),
                Optional.ofNullable(form.group(3)).map(bound -> bound(text, bound)));
    }

    private static Bound bound(String text, String bound) {
        boolean percent = bound.endsWith("%");
        long value = Long.parseLong(
                bound.substring(0, bound.length() - (percent ? 1 : 0)).replace("_", ""));
        if (Math.abs(value) > (percent ? 100 : Integer.MAX_VALUE)) {
            throw new BowlineException(
                    "'%s' has the bound %s".formatted(text, bound),
                    "write at most %s".formatted(percent ? "100%" : Integer.toString(Integer.MAX_VALUE)));
        }
        return new Bound((int) value, percent ? Unit.PERCENT : Unit.ROWS);
    }

    /// True if the slice is less than the whole split.
    boolean isSlice() {
        return from.isPresent() || to.isPresent();
    }

    /// True if the slice depends on the number of rows.
    boolean needsCount() {
        return dependsOnCount(from) || dependsOnCount(to);
    }

    private static boolean dependsOnCount(Optional<Bound> bound) {
        return bound.filter(b -> b.value() < 0 || b.unit() == Unit.PERCENT).isPresent();
    }

    /// @param rows the number of rows; ignored unless [#needsCount]
    Range range(long rows) {
        return new Range(
                from.map(bound -> position(bound, rows)).orElse(0L),
                to.map(bound -> position(bound, rows)).orElse(Long.MAX_VALUE));
    }

    /// Percents are rounded to the nearest row, and halves to an even one.
    private static long position(Bound bound, long rows) {
        long at = switch (bound.unit()) {
            case ROWS -> bound.value();
            case PERCENT -> (long) Math.rint(bound.value() * rows / 100.0);
        };
        return at < 0 ? Math.max(0, rows + at) : at;
    }
}
