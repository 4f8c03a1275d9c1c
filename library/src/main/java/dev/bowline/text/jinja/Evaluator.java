package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.CallArguments;
import dev.bowline.text.jinja.Expression.Comparand;
import dev.bowline.text.jinja.Expression.FilterCall;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Computes the value of an expression in a scope.
final class Evaluator {

    private Evaluator() {}

    static Value evaluate(Expression expression, Scope scope) {
        RenderBudget.step();
        return switch (expression) {
            case Expression.Literal(Value value) -> value;
            case Expression.Variable(String name) -> scope.get(name);
            case Expression.ListLiteral(var items) ->
                new Value.Sequence(Value.Sequence.Kind.LIST, evaluateAll(items, scope));
            case Expression.TupleLiteral(var items) ->
                new Value.Sequence(Value.Sequence.Kind.TUPLE, evaluateAll(items, scope));
            case Expression.DictLiteral(var entries) -> dict(entries, scope);
            case Expression.Attribute(var object, String name) -> Attributes.attribute(evaluate(object, scope), name);
            case Expression.Item(var object, var key) -> Attributes.item(evaluate(object, scope), evaluate(key, scope));
            case Expression.Slice(var object, var start, var stop, var step) ->
                Slicing.slice(
                        evaluate(object, scope), evaluate(start, scope), evaluate(stop, scope), evaluate(step, scope));
            case Expression.Call(var callee, var arguments) ->
                call(evaluate(callee, scope), arguments(arguments, scope));
            case Expression.Filter(var input, var filter) -> filter(evaluate(input, scope), filter, scope);
            case Expression.Test(var input, String name, var arguments) ->
                Value.of(Predicates.test(name, evaluate(input, scope), arguments(arguments, scope)));
            case Expression.Not(var operand) -> Value.of(!truth(operand, scope));
            case Expression.Negate(var operand) -> Arithmetic.negate(evaluate(operand, scope));
            case Expression.Plus(var operand) -> Arithmetic.plus(evaluate(operand, scope));
            case Expression.And(var left, var right) -> {
                Value value = evaluate(left, scope);
                yield Truthiness.of(value) ? evaluate(right, scope) : value;
            }
            case Expression.Or(var left, var right) -> {
                Value value = evaluate(left, scope);
                yield Truthiness.of(value) ? value : evaluate(right, scope);
            }
            case Expression.Binary(var operator, var left, var right) ->
                Arithmetic.apply(operator, evaluate(left, scope), evaluate(right, scope));
            case Expression.Concatenation(var parts) -> concatenation(parts, scope);
            case Expression.Comparison comparison -> Value.of(compare(comparison, scope));
            case Expression.Conditional conditional -> conditional(conditional, scope);
        };
    }

    static boolean truth(Expression expression, Scope scope) {
        return Truthiness.of(evaluate(expression, scope));
    }

    static Value filter(Value input, FilterCall filter, Scope scope) {
        return Filters.apply(filter.name(), input, arguments(filter.arguments(), scope));
    }

    static Value call(Value callee, Arguments arguments) {
        return switch (callee) {
            case Value.Native object -> {
                arguments.positional().forEach(RenderBudget::readValue);
                yield object.call(arguments);
            }
            case Value.Undefined(String message) -> throw new TemplateFailure(message);
            default -> throw new TemplateFailure("'%s' object is not callable".formatted(TypeNames.of(callee)));
        };
    }

    static Arguments arguments(CallArguments written, Scope scope) {
        List<Value> positional = new ArrayList<>(evaluateAll(written.positional(), scope));
        Map<String, Value> named = new LinkedHashMap<>();
        written.keywords().forEach(keyword -> named.put(keyword.name(), evaluate(keyword.value(), scope)));
        written.spread().ifPresent(spread -> positional.addAll(Iteration.items(evaluate(spread, scope))));
        written.spreadKeywords().ifPresent(spread -> {
            if (!(evaluate(spread, scope) instanceof Value.Mapping(var entries))) {
                throw new TemplateFailure("what follows '**' in a call must be a dict");
            }
            entries.forEach((key, value) -> named.put(PythonText.text(key), value));
        });
        return new Arguments(positional, named);
    }

    private static List<Value> evaluateAll(List<Expression> expressions, Scope scope) {
        List<Value> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(evaluate(expression, scope));
        }
        return values;
    }

    private static Value dict(List<Expression.Entry> entries, Scope scope) {
        Map<Value, Value> values = new LinkedHashMap<>();
        for (Expression.Entry entry : entries) {
            values.put(Comparison.key(evaluate(entry.key(), scope)), evaluate(entry.value(), scope));
        }
        return new Value.Mapping(values);
    }

    private static Value concatenation(List<Expression> parts, Scope scope) {
        StringBuilder text = new StringBuilder();
        for (Expression part : parts) {
            String printed = PythonText.text(evaluate(part, scope));
            Arithmetic.requireLength((long) text.length() + printed.length());
            RenderBudget.made(printed.length());
            text.append(printed);
        }
        return Value.of(text.toString());
    }

    private static boolean compare(Expression.Comparison comparison, Scope scope) {
        Value left = evaluate(comparison.first(), scope);
        for (Comparand comparand : comparison.rest()) {
            Value right = evaluate(comparand.operand(), scope);
            if (!Comparison.holds(comparand.relation(), left, right)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private static Value conditional(Expression.Conditional conditional, Scope scope) {
        if (truth(conditional.condition(), scope)) {
            return evaluate(conditional.then(), scope);
        }
        return conditional
                .otherwise()
                .map(otherwise -> evaluate(otherwise, scope))
                .orElseGet(() -> new Value.Undefined(
                        "the inline if-expression on line %d evaluated to false and no else section was defined."
                                .formatted(conditional.line())));
    }
}
