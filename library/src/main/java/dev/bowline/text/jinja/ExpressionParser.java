package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.CallArguments;
import dev.bowline.text.jinja.Expression.Comparand;
import dev.bowline.text.jinja.Expression.FilterCall;
import dev.bowline.text.jinja.Expression.Keyword;
import dev.bowline.text.jinja.Expression.Literal;
import dev.bowline.text.jinja.Expression.Relation;
import dev.bowline.text.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// Parses expressions by precedence climbing. From loosest to tightest:
/// `if else`, `or`, `and`, `not`, comparisons, `+ -`, `~`, `* / // %`, `**`, unary `- +`, then filters, tests and
/// calls.
final class ExpressionParser {

    private static final int MAX_DEPTH = 200;
    private static final int MAX_LINKS = 4000;
    private static final Literal NONE = new Literal(Value.NONE);
    private static final Set<String> NEVER_A_TEST_ARGUMENT = Set.of("else", "or", "and");

    private final TokenStream tokens;
    private final OperandParser operands;
    private int depth;
    private int links;

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
        this.operands = new OperandParser(tokens, this);
    }

    Expression expression() {
        int line = tokens.line();
        Expression result = withoutCondition();
        while (tokens.skipName("if")) {
            Expression condition = withoutCondition();
            descend();
            Optional<Expression> otherwise = tokens.skipName("else") ? Optional.of(expression()) : Optional.empty();
            depth--;
            result = new Expression.Conditional(condition, result, otherwise, line);
        }
        return result;
    }

    /// An expression whose own `if` belongs to the statement around it, as in `for x in items if x`.
    Expression withoutCondition() {
        return binary(Precedence.OR);
    }

    /// Expressions with commas between them make a tuple; one alone stays itself.
    Expression tuple() {
        return tuple(_ -> false, this::expression);
    }

    /// The same without `if` expressions, ending also before the tokens that `ends` accepts.
    Expression tupleWithoutCondition(Predicate<TokenStream> ends) {
        return tuple(ends, this::withoutCondition);
    }

    private Expression tuple(Predicate<TokenStream> ends, java.util.function.Supplier<Expression> item) {
        List<Expression> items = new ArrayList<>();
        boolean commas = false;
        while (!tupleEnds(ends)) {
            items.add(item.get());
            if (!tokens.skipOperator(",")) {
                break;
            }
            commas = true;
        }
        if (commas) {
            return new Expression.TupleLiteral(items);
        }
        if (items.isEmpty()) {
            throw tokens.unexpected("an expression");
        }
        return items.getFirst();
    }

    private boolean tupleEnds(Predicate<TokenStream> ends) {
        return tokens.is(Kind.PRINT_END)
                || tokens.is(Kind.BLOCK_END)
                || tokens.is(Kind.END)
                || tokens.isOperator(")")
                || ends.test(tokens);
    }

    private Expression binary(Precedence minimum) {
        descend();
        Expression left = minimum.compareTo(Precedence.NOT) <= 0 && tokens.skipName("not")
                ? new Expression.Not(binary(Precedence.NOT))
                : unary();
        for (var infix = Infix.at(tokens);
                infix.filter(i -> i.precedence().compareTo(minimum) >= 0).isPresent();
                infix = Infix.at(tokens)) {
            link();
            left = combine(left, infix.get());
        }
        depth--;
        return left;
    }

    private void descend() {
        if (depth == 0) {
            links = 0;
        }
        if (++depth > MAX_DEPTH) {
            throw tokens.failure("expressions are nested more than %d deep".formatted(MAX_DEPTH));
        }
    }

    /// Rows of operators become trees as deep as the rows are long.
    private void link() {
        if (++links > MAX_LINKS) {
            throw tokens.failure("more than %d operators in one expression".formatted(MAX_LINKS));
        }
    }

    private Expression combine(Expression left, Infix infix) {
        Precedence tighter = infix.precedence().tighter();
        return switch (infix) {
            case Infix.Or _ -> {
                tokens.next();
                yield new Expression.Or(left, binary(tighter));
            }
            case Infix.And _ -> {
                tokens.next();
                yield new Expression.And(left, binary(tighter));
            }
            case Infix.Arithmetic(Expression.Operator operator, var _) -> {
                tokens.next();
                yield new Expression.Binary(operator, left, binary(tighter));
            }
            case Infix.Tilde _ -> {
                List<Expression> parts = new ArrayList<>(List.of(left));
                while (tokens.skipOperator("~")) {
                    parts.add(binary(tighter));
                }
                yield new Expression.Concatenation(parts);
            }
            case Infix.Compare _ -> comparison(left, tighter);
        };
    }

    private Expression comparison(Expression first, Precedence tighter) {
        List<Comparand> rest = new ArrayList<>();
        while (Infix.at(tokens).orElse(null) instanceof Infix.Compare(Relation relation)) {
            tokens.next();
            if (relation == Relation.NOT_IN) {
                tokens.next();
            }
            rest.add(new Comparand(relation, binary(tighter)));
        }
        return new Expression.Comparison(first, rest);
    }

    private Expression unary() {
        return filtered(signed());
    }

    private Expression signed() {
        if (!tokens.isOperator("-") && !tokens.isOperator("+")) {
            return postfix(operands.operand());
        }
        descend();
        boolean negates = tokens.next().text().equals("-");
        Expression operand = signed();
        depth--;
        return negates ? new Expression.Negate(operand) : new Expression.Plus(operand);
    }

    private Expression postfix(Expression start) {
        Expression object = start;
        while (true) {
            if (tokens.skipOperator(".")) {
                object = member(object);
            } else if (tokens.skipOperator("[")) {
                object = subscript(object);
            } else if (tokens.isOperator("(")) {
                object = new Expression.Call(object, arguments());
            } else {
                return object;
            }
            link();
        }
    }

    private Expression member(Expression object) {
        if (tokens.is(Kind.INTEGER)) {
            return new Expression.Item(
                    object, new Literal(OperandParser.integer(tokens.next().text())));
        }
        return new Expression.Attribute(object, tokens.expectName());
    }

    private Expression subscript(Expression object) {
        Expression start = tokens.isOperator(":") ? NONE : tuple(t -> t.isOperator("]"), this::expression);
        if (tokens.skipOperator("]")) {
            return new Expression.Item(object, start);
        }
        tokens.expectOperator(":");
        Expression stop = tokens.isOperator(":") || tokens.isOperator("]") ? NONE : expression();
        Expression step = tokens.skipOperator(":") && !tokens.isOperator("]") ? expression() : NONE;
        tokens.expectOperator("]");
        return new Expression.Slice(object, start, stop, step);
    }

    private Expression filtered(Expression start) {
        Expression value = start;
        while (true) {
            if (tokens.isOperator("|")) {
                for (FilterCall filter : filters()) {
                    value = new Expression.Filter(value, filter);
                }
            } else if (tokens.skipName("is")) {
                value = test(value);
            } else if (tokens.isOperator("(")) {
                value = new Expression.Call(value, arguments());
            } else {
                return value;
            }
            link();
        }
    }

    /// `| name(…) | name …`, as many as there are.
    List<FilterCall> filters() {
        List<FilterCall> filters = new ArrayList<>();
        while (tokens.skipOperator("|")) {
            link();
            filters.add(filter());
        }
        return filters;
    }

    /// `name(…)`
    FilterCall filter() {
        String name = tokens.expectName();
        return new FilterCall(name, tokens.isOperator("(") ? arguments() : CallArguments.NONE);
    }

    private Expression test(Expression value) {
        boolean negated = tokens.skipName("not");
        String name = tokens.expectName();
        CallArguments arguments = CallArguments.NONE;
        if (tokens.isOperator("(")) {
            arguments = arguments();
        } else if (testArgumentFollows()) {
            arguments = new CallArguments(
                    List.of(postfix(operands.operand())), List.of(), Optional.empty(), Optional.empty());
        }
        Expression test = new Expression.Test(value, name, arguments);
        return negated ? new Expression.Not(test) : test;
    }

    private boolean testArgumentFollows() {
        Token token = tokens.current();
        return switch (token.kind()) {
            case NAME -> {
                if (token.text().equals("is")) {
                    throw tokens.failure("tests cannot be chained with 'is'");
                }
                yield !NEVER_A_TEST_ARGUMENT.contains(token.text());
            }
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> token.text().equals("[") || token.text().equals("{");
            case DATA, PRINT_BEGIN, PRINT_END, BLOCK_BEGIN, BLOCK_END, END -> false;
        };
    }

    /// `(a, b, name=c, *list, **dict)`
    CallArguments arguments() {
        tokens.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        List<Keyword> keywords = new ArrayList<>();
        Optional<Expression> spread = Optional.empty();
        Optional<Expression> spreadKeywords = Optional.empty();
        while (!tokens.isOperator(")")) {
            if (tokens.skipOperator("*")) {
                spread = Optional.of(expression());
            } else if (tokens.skipOperator("**")) {
                spreadKeywords = Optional.of(expression());
            } else if (tokens.is(Kind.NAME) && tokens.following().isOperator("=")) {
                String name = tokens.expectName();
                tokens.next();
                keywords.add(new Keyword(name, expression()));
            } else if (keywords.isEmpty() && spread.isEmpty() && spreadKeywords.isEmpty()) {
                positional.add(expression());
            } else {
                throw tokens.failure("a positional argument follows a named one");
            }
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator(")");
        return new CallArguments(positional, keywords, spread, spreadKeywords);
    }
}
