package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.CallArguments;
import dev.bowline.text.jinja.Expression.FilterCall;
import dev.bowline.text.jinja.Statement.Routine;
import dev.bowline.text.jinja.Statement.Target;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// The names a template reads at a place where it has not surely set them: what it wants from outside.
///
/// `set` is what is surely set so far. A branch or a loop sets nothing for what follows it, unless every branch
/// does.
final class FreeVariables {

    private final Set<String> free = new TreeSet<>();

    private FreeVariables() {}

    static Set<String> of(List<Statement> template) {
        FreeVariables variables = new FreeVariables();
        variables.body(template, new HashSet<>());
        return variables.free;
    }

    private void body(List<Statement> body, Set<String> set) {
        body.forEach(statement -> statement(statement, set));
    }

    private void inner(List<Statement> body, Set<String> set) {
        body(body, new HashSet<>(set));
    }

    private void statement(Statement statement, Set<String> set) {
        switch (statement) {
            case Statement.Data _, Statement.Break _, Statement.Continue _ -> {}
            case Statement.Print print -> read(print.value(), set);
            case Statement.If conditional -> conditional(conditional, set);
            case Statement.For loop -> loop(loop, set);
            case Statement.Set(Target target, Expression value, var _) -> {
                read(value, set);
                assign(target, set);
            }
            case Statement.SetBlock(Target target, var filters, var body, var _) -> {
                inner(body, set);
                filters.forEach(filter -> filter(filter, set));
                assign(target, set);
            }
            case Statement.MacroDefinition(String name, Routine routine, var _) -> {
                set.add(name);
                routine(routine, set);
            }
            case Statement.CallBlock(Expression callee, CallArguments arguments, Routine body, var _) -> {
                read(callee, set);
                arguments(arguments, set);
                routine(body, set);
            }
            case Statement.FilterBlock(var filters, var body, var _) -> {
                inner(body, set);
                filters.forEach(filter -> filter(filter, set));
            }
            case Statement.With(var bindings, var body, var _) -> {
                Set<String> inside = new HashSet<>(set);
                bindings.forEach(binding -> {
                    read(binding.value(), set);
                    assign(binding.target(), inside);
                });
                body(body, inside);
            }
            case Statement.Generation(var body, var _) -> inner(body, set);
        }
    }

    private void conditional(Statement.If conditional, Set<String> set) {
        Set<String> byAll = new HashSet<>(set);
        body(conditional.otherwise(), byAll);
        for (Statement.Branch branch : conditional.branches()) {
            read(branch.condition(), set);
            Set<String> byThis = new HashSet<>(set);
            body(branch.body(), byThis);
            byAll.retainAll(byThis);
        }
        set.addAll(byAll);
    }

    private void loop(Statement.For loop, Set<String> set) {
        read(loop.items(), set);
        Set<String> inside = new HashSet<>(set);
        assign(loop.target(), inside);
        loop.filter().ifPresent(filter -> read(filter, inside));
        inside.add("loop");
        body(loop.body(), inside);
        inner(loop.otherwise(), set);
    }

    private void routine(Routine routine, Set<String> set) {
        Set<String> inside = new HashSet<>(set);
        inside.addAll(Set.of("varargs", "kwargs", "caller"));
        routine.parameters().forEach(parameter -> {
            parameter.defaultValue().ifPresent(value -> read(value, inside));
            inside.add(parameter.name());
        });
        body(routine.body(), inside);
    }

    private void assign(Target target, Set<String> set) {
        switch (target) {
            case Target.Name(String name) -> set.add(name);
            case Target.Member member -> name(member.namespace(), set);
            case Target.Several(var targets) -> targets.forEach(each -> assign(each, set));
        }
    }

    private void name(String name, Set<String> set) {
        if (!set.contains(name)) {
            free.add(name);
        }
    }

    private void read(Expression expression, Set<String> set) {
        switch (expression) {
            case Expression.Literal _ -> {}
            case Expression.Variable(String name) -> name(name, set);
            case Expression.ListLiteral(var items) -> readAll(items, set);
            case Expression.TupleLiteral(var items) -> readAll(items, set);
            case Expression.DictLiteral(var entries) ->
                entries.forEach(entry -> readAll(List.of(entry.key(), entry.value()), set));
            case Expression.Attribute attribute -> read(attribute.object(), set);
            case Expression.Item(var object, var key) -> readAll(List.of(object, key), set);
            case Expression.Slice(var object, var start, var stop, var step) ->
                readAll(List.of(object, start, stop, step), set);
            case Expression.Call(var callee, var arguments) -> {
                read(callee, set);
                arguments(arguments, set);
            }
            case Expression.Filter(var input, var filter) -> {
                read(input, set);
                filter(filter, set);
            }
            case Expression.Test(var input, String _, var arguments) -> {
                read(input, set);
                arguments(arguments, set);
            }
            case Expression.Not(var operand) -> read(operand, set);
            case Expression.Negate(var operand) -> read(operand, set);
            case Expression.Plus(var operand) -> read(operand, set);
            case Expression.And(var left, var right) -> readAll(List.of(left, right), set);
            case Expression.Or(var left, var right) -> readAll(List.of(left, right), set);
            case Expression.Binary(var _, var left, var right) -> readAll(List.of(left, right), set);
            case Expression.Concatenation(var parts) -> readAll(parts, set);
            case Expression.Comparison(var first, var rest) -> {
                read(first, set);
                rest.forEach(comparand -> read(comparand.operand(), set));
            }
            case Expression.Conditional(var condition, var then, var otherwise, var _) -> {
                readAll(List.of(condition, then), set);
                otherwise.ifPresent(value -> read(value, set));
            }
        }
    }

    private void readAll(List<Expression> expressions, Set<String> set) {
        expressions.forEach(expression -> read(expression, set));
    }

    private void filter(FilterCall filter, Set<String> set) {
        arguments(filter.arguments(), set);
    }

    private void arguments(CallArguments arguments, Set<String> set) {
        readAll(arguments.positional(), set);
        arguments.keywords().forEach(keyword -> read(keyword.value(), set));
        arguments.spread().ifPresent(spread -> read(spread, set));
        arguments.spreadKeywords().ifPresent(spread -> read(spread, set));
    }
}
