package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Value.Mapping;
import dev.bowline.text.jinja.Value.Sequence;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The methods of dicts, lists and tuples that change nothing.
final class ContainerMethods {

    private ContainerMethods() {}

    static Optional<Value> ofDict(Mapping dict, String name) {
        Map<Value, Value> entries = dict.entries();
        return switch (name) {
            case "items" -> method(name, _ -> new Value.View("dict_items", pairs(dict)));
            case "keys" -> method(name, _ -> new Value.View("dict_keys", new ArrayList<>(entries.keySet())));
            case "values" -> method(name, _ -> new Value.View("dict_values", new ArrayList<>(entries.values())));
            case "get" ->
                method(name, arguments -> {
                    var bound = arguments.bind("get", "key", "default?");
                    return entries.getOrDefault(Comparison.key(bound.get(0)), bound.orElse(1, Value.NONE));
                });
            case "copy" -> method(name, _ -> dict);
            default -> Optional.empty();
        };
    }

    static List<Value> pairs(Mapping dict) {
        List<Value> pairs = new ArrayList<>();
        dict.entries().forEach((key, value) -> pairs.add(Value.tuple(key, value)));
        return pairs;
    }

    static Optional<Value> ofSequence(Sequence sequence, String name) {
        List<Value> items = sequence.items();
        return switch (name) {
            case "index" -> method(name, arguments -> index(sequence, arguments));
            case "count" ->
                method(name, arguments -> {
                    Value counted = arguments.bind("count", "value").get(0);
                    return Value.of(items.stream().filter(counted::equals).count());
                });
            case "copy" -> method(name, _ -> sequence);
            default -> Optional.empty();
        };
    }

    private static Value index(Sequence sequence, Arguments arguments) {
        var bound = arguments.bind("index", "value", "start?", "stop?");
        Value part = Slicing.slice(sequence, bound.orElse(1, Value.NONE), bound.orElse(2, Value.NONE), Value.NONE);
        int found = Iteration.items(part).indexOf(bound.get(0));
        if (found < 0) {
            throw new TemplateFailure("%s is not in list".formatted(PythonText.represent(bound.get(0))));
        }
        int start = bound.count(1, 0);
        int size = sequence.items().size();
        return Value.of(found + (start < 0 ? Math.max(0, start + size) : start));
    }

    /// `dict(…)`: from a dict or from pairs, then from named arguments.
    static Mapping dict(Arguments arguments) {
        Map<Value, Value> entries = new LinkedHashMap<>();
        for (Value argument : arguments.positional()) {
            if (argument instanceof Mapping(var given)) {
                entries.putAll(given);
                continue;
            }
            for (Value pair : Iteration.items(argument)) {
                List<Value> parts = Iteration.items(pair);
                if (parts.size() != 2) {
                    throw new TemplateFailure("a dict is made of pairs, not of %d values".formatted(parts.size()));
                }
                entries.put(Comparison.key(parts.getFirst()), parts.getLast());
            }
        }
        arguments.named().forEach((name, value) -> entries.put(Value.of(name), value));
        return new Mapping(entries);
    }

    private static Optional<Value> method(String name, Function.Body body) {
        return Optional.of(new Function(name, body));
    }
}
