package dev.bowline.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/// `object[start:stop:step]` with Python's rules for what is left out, negative or too large.
final class Slicing {

    private Slicing() {}

    static Value slice(Value object, Value start, Value stop, Value step) {
        Arithmetic.requireDefined(object);
        RenderBudget.readValue(object);
        return switch (object) {
            case Value.Text(String text) -> Value.of(part(text, start, stop, step));
            case Value.Sequence(var kind, var items) -> new Value.Sequence(kind, part(items, start, stop, step));
            case Value.Range range -> Value.list(part(range.items(), start, stop, step));
            case Value.Mapping _ -> throw new TemplateFailure("unhashable type: 'slice'");
            default -> throw new TemplateFailure("'%s' object is not subscriptable".formatted(TypeNames.of(object)));
        };
    }

    private static String part(String text, Value start, Value stop, Value step) {
        Positions positions = Positions.in(CodePoints.length(text), start, stop, step);
        RenderBudget.made(positions.count());
        if (positions.by() == 1) {
            return CodePoints.part(text, positions.from(), positions.from() + positions.count());
        }
        int[] characters = text.codePoints().toArray();
        int[] kept = new int[positions.count()];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = characters[positions.at(i)];
        }
        return new String(kept, 0, kept.length);
    }

    private static List<Value> part(List<Value> items, Value start, Value stop, Value step) {
        Positions positions = Positions.in(items.size(), start, stop, step);
        RenderBudget.madeItems(positions.count());
        List<Value> kept = new ArrayList<>(positions.count());
        for (int i = 0; i < positions.count(); i++) {
            kept.add(items.get(positions.at(i)));
        }
        return kept;
    }

    /// The positions that a slice takes, first to last.
    private record Positions(int from, int by, int count) {

        static Positions in(int length, Value start, Value stop, Value step) {
            int by = bound(step, 1, Integer.MAX_VALUE);
            if (by == 0) {
                throw new TemplateFailure("slice step cannot be zero");
            }
            int lowest = by > 0 ? 0 : -1;
            int highest = by > 0 ? length : length - 1;
            int from = position(start, by > 0 ? lowest : highest, length, lowest, highest);
            int to = position(stop, by > 0 ? highest : lowest, length, lowest, highest);
            return new Positions(from, by, (int) Math.max(0, Math.ceilDiv((long) to - from, (long) by)));
        }

        int at(int index) {
            return (int) (from + (long) by * index);
        }
    }

    private static int position(Value bound, int otherwise, int length, int lowest, int highest) {
        if (bound instanceof Value.None) {
            return otherwise;
        }
        int position = bound(bound, otherwise, Integer.MAX_VALUE / 2);
        return Math.clamp(position < 0 ? position + length : position, lowest, highest);
    }

    private static int bound(Value value, int otherwise, int largest) {
        if (value instanceof Value.None) {
            return otherwise;
        }
        Arithmetic.requireDefined(value);
        if (!Numbers.isWhole(value)) {
            throw new TemplateFailure("slice indices must be integers or None or have an __index__ method");
        }
        BigInteger limit = BigInteger.valueOf(largest);
        return Numbers.whole(value).min(limit).max(limit.negate()).intValue();
    }
}
