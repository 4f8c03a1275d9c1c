package dev.bowline.text.jinja;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/// `map`, and the filters that keep some items.
final class SelectionFilters {

    private enum Keep {
        PASSING,
        FAILING
    }

    private enum Subject {
        ITEM,
        ATTRIBUTE
    }

    private SelectionFilters() {}

    static void register(Map<String, Filters.Filter> filters) {
        filters.put("map", SelectionFilters::map);
        filters.put("select", (input, arguments) -> select(input, arguments, Subject.ITEM, Keep.PASSING));
        filters.put("reject", (input, arguments) -> select(input, arguments, Subject.ITEM, Keep.FAILING));
        filters.put("selectattr", (input, arguments) -> select(input, arguments, Subject.ATTRIBUTE, Keep.PASSING));
        filters.put("rejectattr", (input, arguments) -> select(input, arguments, Subject.ATTRIBUTE, Keep.FAILING));
    }

    private static Value map(Value input, Arguments arguments) {
        return new Value.Once(LazyItems.mapped(() -> LazyItems.ifTrue(input), () -> change(arguments)));
    }

    private static UnaryOperator<Value> change(Arguments arguments) {
        Value path = arguments.named().get("attribute");
        if (arguments.positional().isEmpty() && path != null) {
            Map<String, Value> others = new LinkedHashMap<>(arguments.named());
            others.remove("attribute");
            Optional<Value> otherwise =
                    Optional.ofNullable(others.remove("default")).filter(value -> !(value instanceof Value.None));
            if (!others.isEmpty()) {
                throw new TemplateFailure("Unexpected keyword argument '%s'"
                        .formatted(others.keySet().iterator().next()));
            }
            return AttributePaths.of(path, otherwise);
        }
        if (arguments.positional().isEmpty()) {
            throw new TemplateFailure("map requires a filter argument");
        }
        String name = PythonText.text(arguments.positional().getFirst());
        Arguments rest = arguments.withoutFirst(1);
        return item -> Filters.apply(name, item, rest);
    }

    private static Value select(Value input, Arguments arguments, Subject subject, Keep keep) {
        return new Value.Once(LazyItems.filtered(() -> LazyItems.ifTrue(input), () -> switch (keep) {
            case PASSING -> test(arguments, subject);
            case FAILING -> test(arguments, subject).negate();
        }));
    }

    private static Predicate<Value> test(Arguments arguments, Subject subject) {
        Arguments rest = arguments;
        UnaryOperator<Value> path = UnaryOperator.identity();
        if (subject == Subject.ATTRIBUTE) {
            if (rest.positional().isEmpty()) {
                throw new TemplateFailure("Missing parameter for attribute name");
            }
            path = AttributePaths.of(rest.positional().getFirst());
            rest = rest.withoutFirst(1);
        }
        UnaryOperator<Value> tested = path;
        if (rest.positional().isEmpty()) {
            return item -> Truthiness.of(tested.apply(item));
        }
        String name = PythonText.text(rest.positional().getFirst());
        Arguments testArguments = rest.withoutFirst(1);
        return item -> Predicates.test(name, tested.apply(item), testArguments);
    }
}
