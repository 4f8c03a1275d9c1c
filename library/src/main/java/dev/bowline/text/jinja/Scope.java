package dev.bowline.text.jinja;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// Names and their values. A name is looked up outwards and set here: what a loop's body sets is gone after it.
final class Scope {

    private final Map<String, Value> values;
    private final Optional<Scope> outer;

    private Scope(Map<String, Value> values, Optional<Scope> outer) {
        this.values = values;
        this.outer = outer;
    }

    static Scope of(Map<String, Value> values) {
        return new Scope(new HashMap<>(values), Optional.empty());
    }

    Scope inner() {
        return new Scope(new HashMap<>(), Optional.of(this));
    }

    void set(String name, Value value) {
        values.put(name, value);
    }

    Value get(String name) {
        Optional<Scope> scope = Optional.of(this);
        while (scope.isPresent()) {
            Value value = scope.get().values.get(name);
            if (value != null) {
                return value;
            }
            scope = scope.get().outer;
        }
        return new Value.Undefined("'%s' is undefined".formatted(name));
    }
}
