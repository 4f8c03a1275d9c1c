package dev.bowline.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/// `object[start:stop:step]` with Python's rules for what is left out, negative or too large.
final class Slicing {

    private Slicing() {}

    static Value slice(Value object, Value start, Value stop, Value step) {
        Arithmetic.requireDefined(object);
        return switch (object) {
            case Value.Text(String text) -> {
                List<String> characters = CodePoints.characters(text);
                yield Value.of(indices(characters.size(), start, stop, step).stream()
                        .map(characters::get)
                        .collect(Collectors.joining()));
            }
            case Value.Sequence(var kind, var items) ->
                new Value.Sequence(
                        kind,
                        indices(items.size(), start, stop, step).stream()
                                .map(items::get)
                                .toList());
            case Value.Range range ->
                Value.list(indices(range.items().size(), start, stop, step).stream()
                        .map(range.items()::get)
                        .toList());
            case Value.Mapping _ -> throw new TemplateFailure("unhashable type: 'slice'");
            default -> throw new TemplateFailure("'%s' object is not subscriptable".formatted(Kinds.of(object)));
        };
    }

    private static List<Integer> indices(int length, Value start, Value stop, Value step) {
        int by = bound(step, 1, Integer.MAX_VALUE);
        if (by == 0) {
            throw new TemplateFailure("slice step cannot be zero");
        }
        int lowest = by > 0 ? 0 : -1;
        int highest = by > 0 ? length : length - 1;
        int from = position(start, by > 0 ? lowest : highest, length, lowest, highest);
        int to = position(stop, by > 0 ? highest : lowest, length, lowest, highest);
        List<Integer> indices = new ArrayList<>();
        for (long at = from; by > 0 ? at < to : at > to; at += by) {
            indices.add((int) at);
        }
        return indices;
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
