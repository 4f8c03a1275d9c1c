package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.FilterCall;
import dev.bowline.text.jinja.Output.Destination;
import dev.bowline.text.jinja.Statement.Parameter;
import dev.bowline.text.jinja.Statement.Target;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/// Runs the statements of a template.
final class Executor {

    /// The way a statement ended, for the loop around it.
    private enum Flow {
        ON,
        BREAK,
        CONTINUE
    }

    private final RenderState run;

    Executor(RenderState run) {
        this.run = run;
    }

    void page(List<Statement> template, Scope scope, Output out) {
        body(template, scope, out);
    }

    /// The text that the body prints when it is called.
    Value call(String what, List<Statement> body, Scope scope) {
        run.enterCall(what);
        Value printed = captured(body, scope);
        run.leaveCall();
        return printed;
    }

    Value defaultOf(Parameter parameter, Scope scope) {
        return parameter
                .defaultValue()
                .map(value -> Evaluator.evaluate(value, scope))
                .orElseGet(() -> new Value.Undefined("parameter '%s' was not provided".formatted(parameter.name())));
    }

    private Value captured(List<Statement> body, Scope scope) {
        Output inside = new Output(Destination.VALUE);
        body(body, scope, inside);
        return Value.of(inside.text());
    }

    private Flow body(List<Statement> body, Scope scope, Output out) {
        for (Statement statement : body) {
            try {
                RenderBudget.step();
                Flow flow = statement(statement, scope, out);
                if (flow != Flow.ON) {
                    return flow;
                }
            } catch (TemplateFailure failure) {
                throw failure.at(statement.line());
            }
        }
        return Flow.ON;
    }

    private Flow statement(Statement statement, Scope scope, Output out) {
        switch (statement) {
            case Statement.Data(String text, var _) -> out.print(text);
            case Statement.Print(Expression value, var _) ->
                out.print(PythonText.text(Evaluator.evaluate(value, scope)));
            case Statement.If conditional -> {
                return conditional(conditional, scope, out);
            }
            case Statement.For loop -> {
                return loop(loop, Evaluator.evaluate(loop.items(), scope), 0, scope, out);
            }
            case Statement.Set(Target target, Expression value, var _) ->
                assign(target, Evaluator.evaluate(value, scope), scope);
            case Statement.SetBlock(Target target, var filters, var body, var _) ->
                assign(target, filtered(captured(body, scope.inner()), filters, scope), scope);
            case Statement.MacroDefinition(String name, var routine, var _) ->
                scope.set(name, new Macro(name, routine, scope, this));
            case Statement.CallBlock(var callee, var arguments, var routine, var _) -> {
                Value called = Evaluator.evaluate(callee, scope);
                Arguments given =
                        Evaluator.arguments(arguments, scope).with("caller", Macro.caller(routine, scope, this));
                out.print(PythonText.text(Evaluator.call(called, given)));
            }
            case Statement.FilterBlock(var filters, var body, var _) ->
                out.print(PythonText.text(filtered(captured(body, scope.inner()), filters, scope)));
            case Statement.With(var bindings, var body, var _) -> {
                Scope inner = scope.inner();
                bindings.forEach(
                        binding -> assign(binding.target(), Evaluator.evaluate(binding.value(), scope), inner));
                return body(body, inner, out);
            }
            case Statement.Generation(var body, var _) -> generation(body, scope, out);
            case Statement.Break _ -> {
                return Flow.BREAK;
            }
            case Statement.Continue _ -> {
                return Flow.CONTINUE;
            }
        }
        return Flow.ON;
    }

    private static Value filtered(Value input, List<FilterCall> filters, Scope scope) {
        Value value = input;
        for (FilterCall filter : filters) {
            value = Evaluator.filter(value, filter, scope);
        }
        return value;
    }

    private void generation(List<Statement> body, Scope scope, Output out) {
        if (!out.isPage()) {
            run.loseGeneration();
        }
        int start = out.openGeneration();
        body(body, scope.inner(), out);
        out.closeGeneration(start);
    }

    private Flow conditional(Statement.If conditional, Scope scope, Output out) {
        for (Statement.Branch branch : conditional.branches()) {
            boolean taken;
            try {
                taken = Evaluator.truth(branch.condition(), scope);
            } catch (TemplateFailure failure) {
                throw failure.at(branch.line());
            }
            if (taken) {
                return body(branch.body(), scope, out);
            }
        }
        return body(conditional.otherwise(), scope, out);
    }

    private Flow loop(Statement.For loop, Value items, int depth0, Scope scope, Output out) {
        LoopState state = state(loop, items, depth0, scope);
        boolean ran = false;
        for (var item = state.advance(); item.isPresent(); item = state.advance()) {
            ran = true;
            RenderBudget.step();
            Scope inner = scope.inner();
            inner.set("loop", state);
            assign(loop.target(), item.get(), inner);
            if (body(loop.body(), inner, out) == Flow.BREAK) {
                break;
            }
        }
        return ran ? Flow.ON : body(loop.otherwise(), scope.inner(), out);
    }

    private LoopState state(Statement.For loop, Value items, int depth0, Scope scope) {
        Iterator<Value> all = Iteration.of(items);
        boolean sized = loop.filter().isEmpty() && !(items instanceof Value.Once);
        Optional<Integer> length = sized ? Optional.of(Iteration.length(items)) : Optional.empty();
        Iterator<Value> source = loop.filter()
                .map(filter -> passing(all, filter, loop.target(), scope))
                .orElse(all);
        Optional<LoopState.Recursion> recursion = switch (loop.nesting()) {
            case FLAT -> Optional.empty();
            case RECURSIVE -> Optional.of((inner, depth) -> recurse(loop, inner, depth, scope));
        };
        return new LoopState(source, length, recursion, depth0);
    }

    private Value recurse(Statement.For loop, Value items, int depth0, Scope scope) {
        run.enterCall("a recursive loop");
        Output inside = new Output(Destination.VALUE);
        loop(loop, items, depth0, scope, inside);
        run.leaveCall();
        return Value.of(inside.text());
    }

    private Iterator<Value> passing(Iterator<Value> all, Expression filter, Target target, Scope scope) {
        return LazyItems.filtered(() -> all, () -> candidate -> {
            RenderBudget.step();
            Scope inner = scope.inner();
            assign(target, candidate, inner);
            return Evaluator.truth(filter, inner);
        });
    }

    private static void assign(Target target, Value value, Scope scope) {
        switch (target) {
            case Target.Name(String name) -> scope.set(name, value);
            case Target.Member(String name, String attribute) -> {
                Value owner = scope.get(name);
                Arithmetic.requireDefined(owner);
                if (!(owner instanceof Namespace namespace)) {
                    throw new TemplateFailure("cannot assign attribute on non-namespace object");
                }
                namespace.set(attribute, value);
            }
            case Target.Several(List<Target> targets) -> unpack(targets, value, scope);
        }
    }

    private static void unpack(List<Target> targets, Value value, Scope scope) {
        if (!Iteration.isIterable(value)) {
            throw new TemplateFailure("cannot unpack non-iterable %s object".formatted(TypeNames.of(value)));
        }
        List<Value> items = Iteration.items(value);
        if (items.size() < targets.size()) {
            throw new TemplateFailure(
                    "not enough values to unpack (expected %d, got %d)".formatted(targets.size(), items.size()));
        }
        if (items.size() > targets.size()) {
            throw new TemplateFailure("too many values to unpack (expected %d)".formatted(targets.size()));
        }
        for (int i = 0; i < targets.size(); i++) {
            assign(targets.get(i), items.get(i), scope);
        }
    }
}
