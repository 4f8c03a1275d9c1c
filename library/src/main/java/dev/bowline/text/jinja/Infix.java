package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.Operator;
import dev.bowline.text.jinja.Expression.Relation;
import java.util.Optional;

/// An operator between two operands. All of them group to the left, `**` too.
sealed interface Infix {

    Precedence precedence();

    record Or() implements Infix {
        @Override
        public Precedence precedence() {
            return Precedence.OR;
        }
    }

    record And() implements Infix {
        @Override
        public Precedence precedence() {
            return Precedence.AND;
        }
    }

    record Compare(Relation relation) implements Infix {
        @Override
        public Precedence precedence() {
            return Precedence.COMPARISON;
        }
    }

    record Arithmetic(Operator operator, Precedence precedence) implements Infix {}

    record Tilde() implements Infix {
        @Override
        public Precedence precedence() {
            return Precedence.CONCATENATION;
        }
    }

    /// The operator the stream stands at, if it is one. Reads nothing.
    static Optional<Infix> at(TokenStream tokens) {
        Token token = tokens.current();
        return switch (token.kind()) {
            case NAME ->
                switch (token.text()) {
                    case "or" -> Optional.of(new Or());
                    case "and" -> Optional.of(new And());
                    case "in" -> Optional.of(new Compare(Relation.IN));
                    case "not" ->
                        tokens.following().isName("in") ? Optional.of(new Compare(Relation.NOT_IN)) : Optional.empty();
                    default -> Optional.empty();
                };
            case OPERATOR ->
                switch (token.text()) {
                    case "==" -> Optional.of(new Compare(Relation.EQUAL));
                    case "!=" -> Optional.of(new Compare(Relation.NOT_EQUAL));
                    case "<" -> Optional.of(new Compare(Relation.LESS));
                    case "<=" -> Optional.of(new Compare(Relation.LESS_OR_EQUAL));
                    case ">" -> Optional.of(new Compare(Relation.GREATER));
                    case ">=" -> Optional.of(new Compare(Relation.GREATER_OR_EQUAL));
                    case "~" -> Optional.of(new Tilde());
                    case "+" -> Optional.of(new Arithmetic(Operator.ADD, Precedence.SUM));
                    case "-" -> Optional.of(new Arithmetic(Operator.SUBTRACT, Precedence.SUM));
                    case "*" -> Optional.of(new Arithmetic(Operator.MULTIPLY, Precedence.PRODUCT));
                    case "/" -> Optional.of(new Arithmetic(Operator.DIVIDE, Precedence.PRODUCT));
                    case "//" -> Optional.of(new Arithmetic(Operator.FLOOR_DIVIDE, Precedence.PRODUCT));
                    case "%" -> Optional.of(new Arithmetic(Operator.REMAINDER, Precedence.PRODUCT));
                    case "**" -> Optional.of(new Arithmetic(Operator.POWER, Precedence.POWER));
                    default -> Optional.empty();
                };
            case DATA, PRINT_BEGIN, PRINT_END, BLOCK_BEGIN, BLOCK_END, STRING, INTEGER, FLOAT, END -> Optional.empty();
        };
    }
}
