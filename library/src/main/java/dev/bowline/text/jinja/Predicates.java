package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.Relation;
import dev.bowline.text.jinja.Value.Whole;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;

/// Jinja's tests: what may follow `is`.
final class Predicates {

    @FunctionalInterface
    private interface Test {
        boolean holds(Value value, Arguments arguments);
    }

    private static final Map<String, Test> TESTS = new HashMap<>();

    static {
        plain("defined", value -> !(value instanceof Value.Undefined));
        plain("undefined", value -> value instanceof Value.Undefined);
        plain("none", value -> value instanceof Value.None);
        plain("boolean", value -> value instanceof Value.Bool);
        plain("true", value -> value instanceof Value.Bool(boolean fact) && fact);
        plain("false", value -> value instanceof Value.Bool(boolean fact) && !fact);
        plain("integer", value -> value instanceof Whole);
        plain("float", value -> value instanceof Value.Real);
        plain("number", Numbers::isNumber);
        plain("string", value -> value instanceof Value.Text);
        plain("mapping", value -> value instanceof Value.Mapping);
        plain("sequence", Predicates::isSequence);
        plain("iterable", Iteration::isIterable);
        plain("callable", Predicates::isCallable);
        plain("lower", value -> StringCase.isLower(PythonText.text(value)));
        plain("upper", value -> StringCase.isUpper(PythonText.text(value)));
        plain("escaped", _ -> false);
        plain("odd", value -> remainder(value, Value.of(2)).equals(Value.of(1)));
        plain("even", value -> remainder(value, Value.of(2)).equals(Value.of(0)));
        plain("filter", value -> value instanceof Value.Text(String name) && Filters.exists(name));
        plain("test", value -> value instanceof Value.Text(String name) && TESTS.containsKey(name));
        TESTS.put(
                "divisibleby",
                (value, arguments) -> remainder(
                                value, arguments.bind("divisibleby", "num").get(0))
                        .equals(Value.of(0)));
        TESTS.put(
                "sameas",
                (value, arguments) ->
                        isSame(value, arguments.bind("sameas", "other").get(0)));
        relation(Relation.IN, "in");
        relation(Relation.EQUAL, "eq", "==", "equalto");
        relation(Relation.NOT_EQUAL, "ne", "!=");
        relation(Relation.LESS, "lt", "<", "lessthan");
        relation(Relation.LESS_OR_EQUAL, "le", "<=");
        relation(Relation.GREATER, "gt", ">", "greaterthan");
        relation(Relation.GREATER_OR_EQUAL, "ge", ">=");
    }

    private Predicates() {}

    static boolean test(String name, Value value, Arguments arguments) {
        Test test = TESTS.get(name);
        if (test == null) {
            throw new TemplateFailure("No test named '%s'.".formatted(name));
        }
        RenderBudget.readValue(value);
        return test.holds(value, arguments);
    }

    private static void plain(String name, Predicate<Value> test) {
        TESTS.put(name, (value, arguments) -> {
            arguments.bind(name);
            return test.test(value);
        });
    }

    private static void relation(Relation relation, String... names) {
        for (String name : names) {
            TESTS.put(
                    name,
                    (value, arguments) -> Comparison.holds(
                            relation, value, arguments.bind(name, "other").get(0)));
        }
    }

    private static Value remainder(Value value, Value divisor) {
        return Arithmetic.apply(Expression.Operator.REMAINDER, value, divisor);
    }

    private static boolean isSequence(Value value) {
        return switch (value) {
            case Value.Undefined _, Value.Text _, Value.Sequence _, Value.Range _, Value.Mapping _ -> true;
            case Value.None _, Value.Bool _, Value.Whole _, Value.Real _ -> false;
            case Value.View _, Value.Once _, Value.Native _ -> false;
        };
    }

    /// An undefined value counts as callable; what it does when called is to say that it is undefined.
    private static boolean isCallable(Value value) {
        return switch (value) {
            case Value.Undefined _, Function _, Macro _, Joiner _, LoopState _ -> true;
            default -> false;
        };
    }

    /// Python has each of these texts once; of longer ones it is chance.
    private static boolean isOneLatinCharacter(String text) {
        return text.isEmpty() || (text.length() == 1 && text.charAt(0) <= 0xff);
    }

    /// One object in Python: the same kind of thing and, where values are shared, the same value.
    private static boolean isSame(Value value, Value other) {
        boolean shared = value instanceof Value.None
                || value instanceof Value.Bool
                || value instanceof Whole
                || (value instanceof Value.Text(String text) && isOneLatinCharacter(text));
        return value == other || (shared && value.getClass() == other.getClass() && value.equals(other));
    }
}
