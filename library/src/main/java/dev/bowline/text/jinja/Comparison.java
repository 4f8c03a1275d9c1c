package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.Relation;
import java.util.Comparator;

/// Order, membership, and which values may be keys.
final class Comparison {

    private Comparison() {}

    static boolean holds(Relation relation, Value left, Value right) {
        return switch (relation) {
            case EQUAL -> left.equals(right);
            case NOT_EQUAL -> !left.equals(right);
            case IN -> contains(right, left);
            case NOT_IN -> !contains(right, left);
            case LESS -> comparable(left, right, "<") && order(left, right, "<") < 0;
            case LESS_OR_EQUAL -> comparable(left, right, "<=") && order(left, right, "<=") <= 0;
            case GREATER -> comparable(left, right, ">") && order(left, right, ">") > 0;
            case GREATER_OR_EQUAL -> comparable(left, right, ">=") && order(left, right, ">=") >= 0;
        };
    }

    private static boolean comparable(Value left, Value right, String operator) {
        if (left instanceof Value.Undefined(String message)) {
            throw new TemplateFailure(message);
        }
        if (right instanceof Value.Undefined(String message)) {
            throw new TemplateFailure(message);
        }
        order(left, right, operator);
        return !Numbers.isNaN(left) && !Numbers.isNaN(right);
    }

    private static int order(Value left, Value right, String operator) {
        RenderBudget.step();
        if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
            return Numbers.compare(left, right);
        }
        if (left instanceof Value.Text(String a) && right instanceof Value.Text(String b)) {
            RenderBudget.read(Math.min(a.length(), b.length()));
            return CodePoints.compare(a, b);
        }
        if (left instanceof Value.Sequence(var kind, var a)
                && right instanceof Value.Sequence(var otherKind, var b)
                && kind == otherKind) {
            for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
                if (!a.get(i).equals(b.get(i))) {
                    return order(a.get(i), b.get(i), operator);
                }
            }
            return Integer.compare(a.size(), b.size());
        }
        throw new TemplateFailure("'%s' not supported between instances of '%s' and '%s'"
                .formatted(operator, TypeNames.of(left), TypeNames.of(right)));
    }

    /// Python's sort: stable, smallest first, refusing what has no order.
    static Comparator<Value> ascending() {
        return (left, right) -> {
            comparable(left, right, "<");
            return order(left, right, "<");
        };
    }

    static boolean contains(Value container, Value item) {
        return switch (container) {
            case Value.Text(String text) -> {
                if (item instanceof Value.Text(String part)) {
                    yield TextSearch.indexOf(text, part, 0) >= 0;
                }
                throw new TemplateFailure(
                        "'in <string>' requires string as left operand, not %s".formatted(TypeNames.of(item)));
            }
            case Value.Mapping(var entries) -> entries.containsKey(key(item));
            case Value.Once(var remaining) -> {
                while (remaining.hasNext()) {
                    if (remaining.next().equals(item)) {
                        yield true;
                    }
                }
                yield false;
            }
            case Value.Undefined _, Value.Sequence _, Value.Range _, Value.View _ ->
                Iteration.items(container).contains(item);
            case Value.None _, Value.Bool _, Value.Whole _, Value.Real _, Value.Native _ ->
                throw new TemplateFailure("argument of type '%s' is not iterable".formatted(TypeNames.of(container)));
        };
    }

    /// The value itself, if a dict may have it as a key.
    static Value key(Value value) {
        boolean hashable = switch (value) {
            case Value.Mapping _ -> false;
            case Value.Sequence(var kind, var items) ->
                switch (kind) {
                    case LIST -> false;
                    case TUPLE -> {
                        items.forEach(Comparison::key);
                        yield true;
                    }
                };
            case Value.Undefined _, Value.None _, Value.Bool _, Value.Whole _, Value.Real _ -> true;
            case Value.Text _, Value.Range _, Value.View _, Value.Once _, Value.Native _ -> true;
        };
        if (!hashable) {
            throw new TemplateFailure("unhashable type: '%s'".formatted(TypeNames.of(value)));
        }
        return value;
    }
}
