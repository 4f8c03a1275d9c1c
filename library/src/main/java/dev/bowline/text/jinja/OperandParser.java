package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.Entry;
import dev.bowline.text.jinja.Expression.Literal;
import dev.bowline.text.jinja.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/// Parses what operators stand between: names, literals and what is in parentheses.
final class OperandParser {

    private final TokenStream tokens;
    private final ExpressionParser expressions;

    OperandParser(TokenStream tokens, ExpressionParser expressions) {
        this.tokens = tokens;
        this.expressions = expressions;
    }

    /// A name, a literal, or an expression in parentheses.
    Expression operand() {
        Token token = tokens.current();
        return switch (token.kind()) {
            case NAME -> {
                tokens.next();
                yield switch (token.text()) {
                    case "true", "True" -> new Literal(Value.TRUE);
                    case "false", "False" -> new Literal(Value.FALSE);
                    case "none", "None" -> new Literal(Value.NONE);
                    default -> new Expression.Variable(token.text());
                };
            }
            case STRING -> strings();
            case INTEGER -> new Literal(integer(tokens.next().text()));
            case FLOAT -> new Literal(Value.of(Double.parseDouble(tokens.next().text())));
            case OPERATOR ->
                switch (token.text()) {
                    case "(" -> parenthesised();
                    case "[" -> list();
                    case "{" -> dict();
                    default -> throw tokens.unexpected("an expression");
                };
            case DATA, PRINT_BEGIN, PRINT_END, BLOCK_BEGIN, BLOCK_END, END -> throw tokens.unexpected("an expression");
        };
    }

    private Expression strings() {
        StringBuilder text = new StringBuilder();
        while (tokens.is(Kind.STRING)) {
            text.append(tokens.next().text());
        }
        return new Literal(Value.of(text.toString()));
    }

    static Value integer(String digits) {
        int radix = digits.length() < 2
                ? 10
                : switch (digits.charAt(1)) {
                    case 'b', 'B' -> 2;
                    case 'o', 'O' -> 8;
                    case 'x', 'X' -> 16;
                    default -> 10;
                };
        return new Value.Whole(new BigInteger(radix == 10 ? digits : digits.substring(2), radix));
    }

    private Expression parenthesised() {
        tokens.next();
        if (tokens.skipOperator(")")) {
            return new Expression.TupleLiteral(List.of());
        }
        Expression inside = expressions.tuple();
        tokens.expectOperator(")");
        return inside;
    }

    private Expression list() {
        tokens.next();
        List<Expression> items = new ArrayList<>();
        while (!tokens.isOperator("]")) {
            items.add(expressions.expression());
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator("]");
        return new Expression.ListLiteral(items);
    }

    private Expression dict() {
        tokens.next();
        List<Entry> entries = new ArrayList<>();
        while (!tokens.isOperator("}")) {
            Expression key = expressions.expression();
            tokens.expectOperator(":");
            entries.add(new Entry(key, expressions.expression()));
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator("}");
        return new Expression.DictLiteral(entries);
    }
}
