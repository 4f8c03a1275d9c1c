package dev.bowline.text.jinja;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// Attribute paths such as `'function.name'` or `'parts.0'`, as the `attribute` of a filter spells them.
final class AttributePaths {

    private AttributePaths() {}

    static UnaryOperator<Value> of(Value path) {
        return of(path, Optional.empty());
    }

    /// @param otherwise the value of an absent attribute
    static UnaryOperator<Value> of(Value path, Optional<Value> otherwise) {
        List<Value> steps = steps(path);
        return item -> {
            Value value = item;
            for (Value step : steps) {
                Value found = Attributes.item(value, step);
                value = found instanceof Value.Undefined ? otherwise.orElse(found) : found;
            }
            return value;
        };
    }

    /// Paths with commas between them.
    static List<UnaryOperator<Value>> several(Value paths) {
        if (!(paths instanceof Value.Text(String text))) {
            return List.of(of(paths));
        }
        return Arrays.stream(text.split(",", -1))
                .map(path -> of(Value.of(path)))
                .toList();
    }

    private static List<Value> steps(Value path) {
        if (!(path instanceof Value.Text(String text))) {
            return List.of(path);
        }
        List<Value> steps = new ArrayList<>();
        for (String step : text.split("\\.", -1)) {
            steps.add(step.matches("\\d{1,9}") ? Value.of(Integer.parseInt(step)) : Value.of(step));
        }
        return steps;
    }
}
