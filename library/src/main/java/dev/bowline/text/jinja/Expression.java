package dev.bowline.text.jinja;

import java.util.List;
import java.util.Optional;

/// The syntax tree of the text between `{{` and `}}`.
sealed interface Expression {

    record Literal(Value value) implements Expression {}

    record Variable(String name) implements Expression {}

    record ListLiteral(List<Expression> items) implements Expression {}

    record TupleLiteral(List<Expression> items) implements Expression {}

    record DictLiteral(List<Entry> entries) implements Expression {}

    record Entry(Expression key, Expression value) {}

    record Attribute(Expression object, String name) implements Expression {}

    record Item(Expression object, Expression key) implements Expression {}

    /// `object[start:stop:step]`; a part that is not written is the literal `none`.
    record Slice(Expression object, Expression start, Expression stop, Expression step) implements Expression {}

    record Call(Expression callee, CallArguments arguments) implements Expression {}

    record Filter(Expression input, FilterCall filter) implements Expression {}

    record FilterCall(String name, CallArguments arguments) {}

    record Test(Expression input, String name, CallArguments arguments) implements Expression {}

    record Not(Expression operand) implements Expression {}

    record Negate(Expression operand) implements Expression {}

    record Plus(Expression operand) implements Expression {}

    record And(Expression left, Expression right) implements Expression {}

    record Or(Expression left, Expression right) implements Expression {}

    record Binary(Operator operator, Expression left, Expression right) implements Expression {}

    /// `a ~ b ~ c`: every part as text.
    record Concatenation(List<Expression> parts) implements Expression {}

    /// `a < b <= c`: each operand is evaluated once, and every neighbour must hold.
    record Comparison(Expression first, List<Comparand> rest) implements Expression {}

    record Comparand(Relation relation, Expression operand) {}

    record Conditional(Expression condition, Expression then, Optional<Expression> otherwise, int line)
            implements Expression {}

    /// @param spread the operand of `*`, at most one
    /// @param spreadKeywords the operand of `**`, at most one
    record CallArguments(
            List<Expression> positional,
            List<Keyword> keywords,
            Optional<Expression> spread,
            Optional<Expression> spreadKeywords) {

        static final CallArguments NONE = new CallArguments(List.of(), List.of(), Optional.empty(), Optional.empty());
    }

    record Keyword(String name, Expression value) {}

    enum Operator {
        ADD,
        SUBTRACT,
        MULTIPLY,
        DIVIDE,
        FLOOR_DIVIDE,
        REMAINDER,
        POWER
    }

    enum Relation {
        EQUAL,
        NOT_EQUAL,
        LESS,
        LESS_OR_EQUAL,
        GREATER,
        GREATER_OR_EQUAL,
        IN,
        NOT_IN
    }
}
