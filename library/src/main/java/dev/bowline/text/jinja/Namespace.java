package dev.bowline.text.jinja;

import java.util.LinkedHashMap;
import java.util.Map;

/// The one thing a template can change from inside a loop: `{% set ns.found = true %}`.
final class Namespace implements Value.Native {

    private final Map<String, Value> attributes = new LinkedHashMap<>();

    /// From a dict, key and value pairs, or nothing; then from named arguments.
    static Value create(Arguments arguments) {
        Namespace created = new Namespace();
        ContainerMethods.dict(arguments).entries().forEach((key, value) -> created.set(PythonText.text(key), value));
        return created;
    }

    void set(String name, Value value) {
        attributes.put(name, value);
    }

    @Override
    public Value attribute(String name) {
        Value value = attributes.get(name);
        return value == null ? Native.super.attribute(name) : value;
    }

    Map<Value, Value> entries() {
        return ((Mapping) Value.mapping(attributes)).entries();
    }

    @Override
    public String description() {
        return PythonText.represent(this);
    }

    @Override
    public String pythonType() {
        return "Namespace";
    }
}
