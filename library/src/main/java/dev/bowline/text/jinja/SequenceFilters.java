package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Arguments.Bound;
import dev.bowline.text.jinja.Expression.Operator;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/// Filters on things with items.
final class SequenceFilters {

    private SequenceFilters() {}

    static void register(Map<String, Filters.Filter> filters) {
        filters.put("length", SequenceFilters::length);
        filters.put("count", SequenceFilters::length);
        filters.put("list", (input, arguments) -> {
            arguments.bind("list");
            return Value.list(Iteration.items(input));
        });
        filters.put("first", (input, arguments) -> {
            arguments.bind("first");
            var items = Iteration.of(input);
            return items.hasNext() ? items.next() : new Value.Undefined("No first item, sequence was empty.");
        });
        filters.put("last", (input, arguments) -> {
            arguments.bind("last");
            List<Value> reversed = Iteration.reversed(input);
            return reversed.isEmpty() ? new Value.Undefined("No last item, sequence was empty.") : reversed.getFirst();
        });
        filters.put("reverse", SequenceFilters::reverse);
        filters.put("join", SequenceFilters::join);
        filters.put("items", SequenceFilters::items);
        filters.put("dictsort", SequenceFilters::dictSort);
        filters.put("sort", SequenceFilters::sort);
        filters.put("unique", (input, arguments) -> lazily(() -> unique(input, arguments)));
        filters.put("sum", SequenceFilters::sum);
        filters.put("min", (input, arguments) -> extreme("min", input, arguments));
        filters.put("max", (input, arguments) -> extreme("max", input, arguments));
        filters.put("batch", (input, arguments) -> lazily(() -> batch(input, arguments)));
        filters.put("slice", (input, arguments) -> lazily(() -> slice(input, arguments)));
    }

    private static Value length(Value input, Arguments arguments) {
        arguments.bind("length");
        return Value.of(Iteration.length(input));
    }

    private static Value reverse(Value input, Arguments arguments) {
        arguments.bind("reverse");
        if (input instanceof Value.Text(String text)) {
            return Value.of(new StringBuilder(text).reverse().toString());
        }
        if (!Iteration.isIterable(input)) {
            throw new TemplateFailure("argument must be iterable");
        }
        List<Value> items = Iteration.items(input).reversed();
        return input instanceof Value.Once ? Value.list(items) : new Value.Once(items.iterator());
    }

    private static Value join(Value input, Arguments arguments) {
        Bound bound = arguments.bind("join", "d?", "attribute?");
        String separator = PythonText.text(bound.orElse(0, Value.EMPTY_TEXT));
        UnaryOperator<Value> item = bound.given(1).map(AttributePaths::of).orElse(UnaryOperator.identity());
        List<String> parts =
                Iteration.items(input).stream().map(item).map(PythonText::text).toList();
        long length = parts.stream().mapToLong(String::length).sum() + (long) separator.length() * parts.size();
        Arithmetic.requireLength(length);
        return Value.of(String.join(separator, parts));
    }

    private static Value items(Value input, Arguments arguments) {
        arguments.bind("items");
        return lazily(() -> switch (input) {
            case Value.Undefined _ -> List.of();
            case Value.Mapping mapping -> ContainerMethods.pairs(mapping);
            default -> throw new TemplateFailure("Can only get item pairs from a mapping.");
        });
    }

    private static Value dictSort(Value input, Arguments arguments) {
        Bound bound = arguments.bind("dictsort", "case_sensitive?", "by?", "reverse?");
        Arithmetic.requireDefined(input);
        if (!(input instanceof Value.Mapping mapping)) {
            throw new TemplateFailure("'%s' object has no attribute 'items'".formatted(TypeNames.of(input)));
        }
        int position = switch (bound.text(1, "key")) {
            case "key" -> 0;
            case "value" -> 1;
            default -> throw new TemplateFailure("You can only sort by either \"key\" or \"value\"");
        };
        UnaryOperator<Value> fold = caseFolding(bound, 0);
        return Value.list(sorted(
                ContainerMethods.pairs(mapping),
                pair -> fold.apply(Iteration.items(pair).get(position)),
                bound.truth(2)));
    }

    private static Value sort(Value input, Arguments arguments) {
        Bound bound = arguments.bind("sort", "reverse?", "case_sensitive?", "attribute?");
        bound.values().getFirst().ifPresent(Numbers::whole);
        UnaryOperator<Value> fold = caseFolding(bound, 1);
        List<UnaryOperator<Value>> keys =
                bound.given(2).map(AttributePaths::several).orElse(List.of(UnaryOperator.identity()));
        return Value.list(sorted(
                Iteration.items(input),
                item -> Value.list(
                        keys.stream().map(key -> fold.apply(key.apply(item))).toList()),
                bound.truth(0)));
    }

    private static List<Value> sorted(List<Value> items, UnaryOperator<Value> key, boolean descending) {
        record Keyed(Value key, Value item) {}
        List<Keyed> keyed = new ArrayList<>();
        items.forEach(item -> keyed.add(new Keyed(key.apply(item), item)));
        Comparator<Keyed> order = Comparator.comparing(Keyed::key, Comparison.ascending());
        keyed.sort(descending ? order.reversed() : order);
        return keyed.stream().map(Keyed::item).toList();
    }

    private static List<Value> unique(Value input, Arguments arguments) {
        Bound bound = arguments.bind("unique", "case_sensitive?", "attribute?");
        UnaryOperator<Value> fold = caseFolding(bound, 0);
        UnaryOperator<Value> path = bound.given(1).map(AttributePaths::of).orElse(UnaryOperator.identity());
        Set<Value> seen = new HashSet<>();
        List<Value> items = new ArrayList<>();
        for (Value item : Iteration.items(input)) {
            if (seen.add(Comparison.key(fold.apply(path.apply(item))))) {
                items.add(item);
            }
        }
        return items;
    }

    private static Value sum(Value input, Arguments arguments) {
        Bound bound = arguments.bind("sum", "attribute?", "start?");
        UnaryOperator<Value> path = bound.given(0).map(AttributePaths::of).orElse(UnaryOperator.identity());
        Value sum = bound.orElse(1, Value.of(0));
        for (Value item : Iteration.items(input)) {
            sum = Arithmetic.apply(Operator.ADD, sum, path.apply(item));
        }
        return sum;
    }

    private static Value extreme(String name, Value input, Arguments arguments) {
        Bound bound = arguments.bind(name, "case_sensitive?", "attribute?");
        UnaryOperator<Value> fold = caseFolding(bound, 0);
        UnaryOperator<Value> path = bound.given(1).map(AttributePaths::of).orElse(UnaryOperator.identity());
        Comparator<Value> order = name.equals("min")
                ? Comparison.ascending()
                : Comparison.ascending().reversed();
        Optional<Value> best = Optional.empty();
        for (Value item : Iteration.items(input)) {
            boolean better = best.isEmpty()
                    || order.compare(fold.apply(path.apply(item)), fold.apply(path.apply(best.get()))) < 0;
            best = better ? Optional.of(item) : best;
        }
        return best.orElseGet(() -> new Value.Undefined("No aggregated item, sequence was empty."));
    }

    private static List<Value> batch(Value input, Arguments arguments) {
        Bound bound = arguments.bind("batch", "linecount", "fill_with?");
        int size = Numbers.count(bound.get(0));
        Arithmetic.requireLength(size);
        List<Value> rows = new ArrayList<>();
        List<Value> row = new ArrayList<>();
        for (Value item : Iteration.items(input)) {
            if (row.size() == size) {
                rows.add(Value.list(row));
                row = new ArrayList<>();
            }
            row.add(item);
        }
        if (!row.isEmpty()) {
            RenderBudget.madeItems(bound.given(1).isPresent() ? size - row.size() : 0);
            while (bound.given(1).isPresent() && row.size() < size) {
                row.add(bound.get(1));
            }
            rows.add(Value.list(row));
        }
        return rows;
    }

    private static List<Value> slice(Value input, Arguments arguments) {
        Bound bound = arguments.bind("slice", "slices", "fill_with?");
        List<Value> items = Iteration.items(input);
        int slices = Numbers.count(bound.get(0));
        Arithmetic.requireLength(slices);
        if (slices < 1) {
            throw new TemplateFailure("integer division or modulo by zero");
        }
        RenderBudget.madeItems(slices);
        int longer = items.size() % slices;
        List<Value> columns = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < slices; i++) {
            int end = start + items.size() / slices + (i < longer ? 1 : 0);
            List<Value> column = new ArrayList<>(items.subList(start, end));
            if (i >= longer) {
                bound.given(1).ifPresent(column::add);
            }
            columns.add(Value.list(column));
            start = end;
        }
        return columns;
    }

    private static Value lazily(Supplier<List<Value>> items) {
        return new Value.Once(LazyItems.deferred(items));
    }

    private static UnaryOperator<Value> caseFolding(Bound bound, int caseSensitive) {
        if (bound.truth(caseSensitive)) {
            return UnaryOperator.identity();
        }
        return value -> value instanceof Value.Text(String text) ? Value.of(StringCase.lower(text)) : value;
    }
}
