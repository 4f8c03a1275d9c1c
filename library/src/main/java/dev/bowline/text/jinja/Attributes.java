package dev.bowline.text.jinja;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/// `object.name` and `object[key]`, by the sandbox's rules: a dot prefers methods, brackets prefer keys, and what
/// would change a list or a dict is refused when it is called.
final class Attributes {

    private static final Set<String> CHANGES_A_LIST =
            Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");
    private static final Set<String> CHANGES_A_DICT = Set.of("clear", "pop", "popitem", "setdefault", "update");

    private Attributes() {}

    static Value attribute(Value object, String name) {
        Arithmetic.requireDefined(object);
        return method(object, name)
                .or(() -> key(object, Value.of(name)))
                .orElseGet(() -> missing(object, Value.of(name)));
    }

    static Value item(Value object, Value key) {
        Arithmetic.requireDefined(object);
        return key(object, key)
                .or(() -> key instanceof Value.Text(String name) ? method(object, name) : Optional.empty())
                .orElseGet(() -> missing(object, key));
    }

    private static Optional<Value> key(Value object, Value key) {
        return switch (object) {
            case Value.Mapping(var entries) -> Optional.ofNullable(entries.get(key));
            case Value.Text _, Value.Sequence _, Value.Range _ -> {
                List<Value> items = Numbers.isWhole(key) ? Iteration.items(object) : List.of();
                yield Numbers.isWhole(key) ? at(items, key) : Optional.empty();
            }
            default -> Optional.empty();
        };
    }

    private static Optional<Value> at(List<Value> items, Value index) {
        var number = Numbers.whole(index);
        if (number.bitLength() > 31) {
            return Optional.empty();
        }
        int position = number.intValue() < 0 ? number.intValue() + items.size() : number.intValue();
        return position >= 0 && position < items.size() ? Optional.of(items.get(position)) : Optional.empty();
    }

    private static Optional<Value> method(Value object, String name) {
        if (name.startsWith("__")) {
            return Optional.of(unsafe(object, name));
        }
        return switch (object) {
            case Value.Text(String text) -> StringMethods.find(text, name);
            case Value.Mapping mapping ->
                CHANGES_A_DICT.contains(name)
                        ? Optional.of(unsafe(object, name))
                        : ContainerMethods.ofDict(mapping, name);
            case Value.Sequence sequence ->
                switch (sequence.kind()) {
                    case LIST ->
                        CHANGES_A_LIST.contains(name)
                                ? Optional.of(unsafe(object, name))
                                : ContainerMethods.ofSequence(sequence, name);
                    case TUPLE -> ContainerMethods.ofSequence(sequence, name);
                };
            case Value.Native nativeObject -> Optional.of(nativeObject.attribute(name));
            default -> Optional.empty();
        };
    }

    private static Value unsafe(Value object, String name) {
        return new Value.Undefined(
                "access to attribute '%s' of '%s' object is unsafe.".formatted(name, TypeNames.of(object)));
    }

    private static Value missing(Value object, Value key) {
        String described = TypeNames.described(object);
        return new Value.Undefined(
                key instanceof Value.Text(String name)
                        ? "'%s' has no attribute '%s'".formatted(described, name)
                        : "%s has no element %s".formatted(described, PythonText.represent(key)));
    }
}
