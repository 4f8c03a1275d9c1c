package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.CallArguments;
import dev.bowline.text.jinja.Expression.FilterCall;
import java.util.List;
import java.util.Optional;

/// One piece of a template's body. `line` is where it begins, for messages.
sealed interface Statement {

    int line();

    record Data(String text, int line) implements Statement {}

    record Print(Expression value, int line) implements Statement {}

    record If(List<Branch> branches, List<Statement> otherwise, int line) implements Statement {}

    record Branch(Expression condition, List<Statement> body, int line) {}

    record For(
            Target target,
            Expression items,
            Optional<Expression> filter,
            Nesting nesting,
            List<Statement> body,
            List<Statement> otherwise,
            int line)
            implements Statement {}

    enum Nesting {
        FLAT,
        RECURSIVE
    }

    record Set(Target target, Expression value, int line) implements Statement {}

    /// `{% set x %}…{% endset %}`: what the body prints, through the filters.
    record SetBlock(Target target, List<FilterCall> filters, List<Statement> body, int line) implements Statement {}

    record MacroDefinition(String name, Routine routine, int line) implements Statement {}

    /// `{% call(args) macro(…) %}…{% endcall %}`: the macro gets the body as its `caller`.
    record CallBlock(Expression callee, CallArguments arguments, Routine body, int line) implements Statement {}

    record FilterBlock(List<FilterCall> filters, List<Statement> body, int line) implements Statement {}

    record With(List<Binding> bindings, List<Statement> body, int line) implements Statement {}

    record Binding(Target target, Expression value) {}

    /// `{% generation %}…{% endgeneration %}`: what the assistant says.
    record Generation(List<Statement> body, int line) implements Statement {}

    record Break(int line) implements Statement {}

    record Continue(int line) implements Statement {}

    /// A body with parameters.
    ///
    /// @param extras which of `varargs`, `kwargs` and `caller` the body mentions: only those may be given
    record Routine(List<Parameter> parameters, List<Statement> body, java.util.Set<String> extras) {}

    record Parameter(String name, Optional<Expression> defaultValue) {}

    /// The target of an assignment.
    sealed interface Target {

        record Name(String name) implements Target {}

        /// `namespace.attribute`
        record Member(String namespace, String attribute) implements Target {}

        record Several(List<Target> targets) implements Target {}
    }
}
