package dev.bowline.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;

/// Iteration over values, and their length.
final class Iteration {

    private Iteration() {}

    static boolean isIterable(Value value) {
        return switch (value) {
            case Value.None _, Value.Bool _, Value.Whole _, Value.Real _, Value.Native _ -> false;
            case Value.Undefined _, Value.Text _, Value.Sequence _, Value.Range _ -> true;
            case Value.Mapping _, Value.View _, Value.Once _ -> true;
        };
    }

    /// Walks through the value; one that can be walked only once is used up as far as the walk goes.
    static Iterator<Value> of(Value value) {
        return value instanceof Value.Once(var remaining)
                ? remaining
                : items(value).iterator();
    }

    /// All the items, a dict's keys, a string's characters.
    static List<Value> items(Value value) {
        return switch (value) {
            case Value.Undefined _ -> List.of();
            case Value.Text(String text) -> characters(text);
            case Value.Sequence(var _, var items) -> items;
            case Value.Range range -> range.items();
            case Value.Mapping(var entries) -> new ArrayList<>(entries.keySet());
            case Value.View(var _, var items) -> items;
            case Value.Once(var remaining) -> {
                List<Value> items = new ArrayList<>();
                remaining.forEachRemaining(items::add);
                yield items;
            }
            case Value.None _, Value.Bool _, Value.Whole _, Value.Real _, Value.Native _ ->
                throw new TemplateFailure("'%s' object is not iterable".formatted(TypeNames.of(value)));
        };
    }

    static List<Value> reversed(Value value) {
        if (value instanceof Value.Once) {
            throw new TemplateFailure("'generator' object is not reversible");
        }
        List<Value> items = new ArrayList<>(items(value));
        Collections.reverse(items);
        return items;
    }

    static int length(Value value) {
        return switch (value) {
            case Value.Text(String text) -> CodePoints.length(text);
            case LoopState loop -> loop.length();
            case Value.Undefined _, Value.Sequence _, Value.Range _, Value.Mapping _, Value.View _ ->
                items(value).size();
            case Value.None _, Value.Bool _, Value.Whole _, Value.Real _, Value.Once _, Value.Native _ ->
                throw new TemplateFailure("object of type '%s' has no len()".formatted(TypeNames.of(value)));
        };
    }

    private static List<Value> characters(String text) {
        RenderBudget.madeItems(text.length());
        List<Value> characters = new ArrayList<>(text.length());
        text.codePoints().forEach(c -> characters.add(Value.of(Character.toString(c))));
        return characters;
    }
}
