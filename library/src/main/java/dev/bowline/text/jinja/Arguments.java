package dev.bowline.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The arguments of a call: values by position, then values by name.
record Arguments(List<Value> positional, Map<String, Value> named) {

    static final Arguments NONE = new Arguments(List.of(), Map.of());

    int count() {
        return positional.size() + named.size();
    }

    Arguments withoutFirst(int count) {
        return new Arguments(positional.subList(count, positional.size()), named);
    }

    Arguments with(String name, Value value) {
        Map<String, Value> more = new LinkedHashMap<>(named);
        more.put(name, value);
        return new Arguments(positional, more);
    }

    /// Gives each parameter its argument. A parameter whose name ends in `?` may be left out.
    Bound bind(String function, String... parameters) {
        if (positional.size() > parameters.length) {
            throw new TemplateFailure("%s() takes at most %d arguments (%d given)"
                    .formatted(function, parameters.length, positional.size()));
        }
        Map<String, Value> left = new LinkedHashMap<>(named);
        List<Optional<Value>> values = new ArrayList<>();
        for (int i = 0; i < parameters.length; i++) {
            boolean optional = parameters[i].endsWith("?");
            String name = optional ? parameters[i].substring(0, parameters[i].length() - 1) : parameters[i];
            Optional<Value> value =
                    i < positional.size() ? Optional.of(positional.get(i)) : Optional.ofNullable(left.remove(name));
            if (value.isEmpty() && !optional) {
                throw new TemplateFailure("%s() is missing its argument '%s'".formatted(function, name));
            }
            values.add(value);
        }
        if (!left.isEmpty()) {
            throw new TemplateFailure("%s() got an unexpected keyword argument '%s'"
                    .formatted(function, left.keySet().iterator().next()));
        }
        return new Bound(function, values);
    }

    /// Arguments in the order of the parameters they were bound to.
    record Bound(String function, List<Optional<Value>> values) {

        Value get(int parameter) {
            return values.get(parameter).orElseThrow();
        }

        Value orElse(int parameter, Value otherwise) {
            return values.get(parameter).orElse(otherwise);
        }

        /// The argument, or empty where it was left out or given as `none`.
        Optional<Value> given(int parameter) {
            return values.get(parameter).filter(value -> !(value instanceof Value.None));
        }

        boolean truth(int parameter) {
            return values.get(parameter).map(Truthiness::of).orElse(false);
        }

        String text(int parameter) {
            return requireText(get(parameter));
        }

        String text(int parameter, String otherwise) {
            return given(parameter).map(this::requireText).orElse(otherwise);
        }

        int count(int parameter, int otherwise) {
            return given(parameter).map(Numbers::count).orElse(otherwise);
        }

        private String requireText(Value value) {
            if (value instanceof Value.Text(String text)) {
                return text;
            }
            throw new TemplateFailure("%s() needs a str, not %s".formatted(function, TypeNames.of(value)));
        }
    }
}
