package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.CallArguments;
import dev.bowline.text.jinja.Expression.FilterCall;
import dev.bowline.text.jinja.Statement.Binding;
import dev.bowline.text.jinja.Statement.Branch;
import dev.bowline.text.jinja.Statement.Nesting;
import dev.bowline.text.jinja.Statement.Parameter;
import dev.bowline.text.jinja.Statement.Routine;
import dev.bowline.text.jinja.Statement.Target;
import dev.bowline.text.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Parses the body of a template: text, `{{ … }}` and the `{% … %}` statements.
final class StatementParser {

    private static final int MAX_DEPTH = 100;
    private static final Set<String> ROUTINE_EXTRAS = Set.of("varargs", "kwargs", "caller");

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private int depth;
    private int loops;

    private StatementParser(TokenStream tokens) {
        this.tokens = tokens;
        this.expressions = new ExpressionParser(tokens);
    }

    static List<Statement> parse(String template) {
        StatementParser parser = new StatementParser(new TokenStream(Lexer.tokens(template)));
        List<Statement> statements = new ArrayList<>();
        while (!parser.tokens.is(Kind.END)) {
            statements.add(parser.statement());
        }
        return statements;
    }

    private Statement statement() {
        Token token = tokens.next();
        return switch (token.kind()) {
            case DATA -> new Statement.Data(token.text(), token.line());
            case PRINT_BEGIN -> {
                Expression value = expressions.tuple();
                tokens.expect(Kind.PRINT_END, "'}}'");
                yield new Statement.Print(value, token.line());
            }
            case BLOCK_BEGIN -> {
                Statement statement = tag(tokens.expect(Kind.NAME, "a tag name"));
                tokens.expect(Kind.BLOCK_END, "'%}'");
                yield statement;
            }
            case PRINT_END, BLOCK_END, NAME, STRING, INTEGER, FLOAT, OPERATOR, END ->
                throw new TemplateFailure("unexpected " + token.describe(), token.line());
        };
    }

    private Statement tag(Token tag) {
        int line = tag.line();
        return switch (tag.text()) {
            case "if" -> conditional(line);
            case "for" -> loop(line);
            case "set" -> assignment(line);
            case "macro" -> macro(line);
            case "call" -> callBlock(line);
            case "filter" -> filterBlock(line);
            case "with" -> with(line);
            case "generation" -> {
                List<Statement> body = ownBody("endgeneration", line);
                yield new Statement.Generation(body, line);
            }
            case "break" -> new Statement.Break(requireLoop(tag));
            case "continue" -> new Statement.Continue(requireLoop(tag));
            case "elif",
                    "else",
                    "endif",
                    "endfor",
                    "endset",
                    "endmacro",
                    "endcall",
                    "endfilter",
                    "endwith",
                    "endgeneration" ->
                throw new TemplateFailure("'%s' has nothing to belong to".formatted(tag.text()), line);
            case "include", "import", "from", "extends", "block" ->
                throw new TemplateFailure(
                        "'%s' needs other templates, and a chat template has none".formatted(tag.text()), line);
            default -> throw new TemplateFailure("unknown tag '%s'".formatted(tag.text()), line);
        };
    }

    /// Statements up to one of the end tags, whose name is left as the current token.
    private List<Statement> body(int line, String... ends) {
        tokens.skipOperator(":");
        tokens.expect(Kind.BLOCK_END, "'%}'");
        descend();
        List<Statement> body = new ArrayList<>();
        while (!atEnd(ends)) {
            if (tokens.is(Kind.END)) {
                throw new TemplateFailure(
                        "the template ends before '%s' of the block that begins here".formatted(ends[ends.length - 1]),
                        line);
            }
            body.add(statement());
        }
        tokens.next();
        depth--;
        return body;
    }

    private void descend() {
        if (++depth > MAX_DEPTH) {
            throw tokens.failure("blocks are nested more than %d deep".formatted(MAX_DEPTH));
        }
    }

    private boolean atEnd(String... ends) {
        if (!tokens.is(Kind.BLOCK_BEGIN) || tokens.following().kind() != Kind.NAME) {
            return false;
        }
        return List.of(ends).contains(tokens.following().text());
    }

    private List<Statement> wholeBody(int line, String end) {
        List<Statement> body = body(line, end);
        tokens.next();
        return body;
    }

    /// A body that is called rather than run in place, so the loops around it cannot be left from inside.
    private List<Statement> ownBody(String end, int line) {
        int outside = loops;
        loops = 0;
        List<Statement> body = wholeBody(line, end);
        loops = outside;
        return body;
    }

    private int requireLoop(Token tag) {
        if (loops == 0) {
            throw new TemplateFailure("'%s' outside of a loop".formatted(tag.text()), tag.line());
        }
        return tag.line();
    }

    private Statement conditional(int line) {
        List<Branch> branches = new ArrayList<>();
        int branchLine = line;
        while (true) {
            Expression condition = expressions.tupleWithoutCondition(_ -> false);
            branches.add(new Branch(condition, body(line, "elif", "else", "endif"), branchLine));
            Token end = tokens.next();
            switch (end.text()) {
                case "elif" -> branchLine = end.line();
                case "else" -> {
                    return new Statement.If(branches, wholeBody(line, "endif"), line);
                }
                default -> {
                    return new Statement.If(branches, List.of(), line);
                }
            }
        }
    }

    private Statement loop(int line) {
        Target target = target();
        tokens.expectName("in");
        Expression items = expressions.tupleWithoutCondition(t -> t.isName("recursive"));
        Optional<Expression> filter = tokens.skipName("if") ? Optional.of(expressions.expression()) : Optional.empty();
        Nesting nesting = tokens.skipName("recursive") ? Nesting.RECURSIVE : Nesting.FLAT;
        loops++;
        List<Statement> body = body(line, "else", "endfor");
        loops--;
        boolean hasElse = tokens.next().text().equals("else");
        List<Statement> otherwise = hasElse ? wholeBody(line, "endfor") : List.of();
        return new Statement.For(target, items, filter, nesting, body, otherwise, line);
    }

    private Statement assignment(int line) {
        Target target = target();
        if (tokens.skipOperator("=")) {
            return new Statement.Set(target, expressions.tuple(), line);
        }
        List<FilterCall> filters = expressions.filters();
        return new Statement.SetBlock(target, filters, wholeBody(line, "endset"), line);
    }

    private Target target() {
        List<Target> targets = new ArrayList<>();
        boolean several = false;
        do {
            if (!tokens.is(Kind.NAME) && !tokens.isOperator("(")) {
                break;
            }
            if (several && tokens.isName("in")) {
                break;
            }
            targets.add(singleTarget());
            several |= tokens.isOperator(",");
        } while (tokens.skipOperator(","));
        if (targets.isEmpty()) {
            throw tokens.unexpected("a name to assign to");
        }
        return several ? new Target.Several(targets) : targets.getFirst();
    }

    private Target singleTarget() {
        if (tokens.skipOperator("(")) {
            descend();
            Target inner = target();
            depth--;
            tokens.expectOperator(")");
            return inner;
        }
        String name = tokens.expectName();
        if (Set.of("true", "True", "false", "False", "none", "None").contains(name)) {
            throw tokens.failure("cannot assign to '%s'".formatted(name));
        }
        return tokens.skipOperator(".") ? new Target.Member(name, tokens.expectName()) : new Target.Name(name);
    }

    private Statement macro(int line) {
        int start = tokens.position();
        String name = tokens.expectName();
        List<Parameter> parameters = parameters();
        List<Statement> body = ownBody("endmacro", line);
        return new Statement.MacroDefinition(name, new Routine(parameters, body, extrasSince(start)), line);
    }

    private Statement callBlock(int line) {
        List<Parameter> parameters = tokens.isOperator("(") ? parameters() : List.of();
        if (!(expressions.expression() instanceof Expression.Call(Expression callee, CallArguments arguments))) {
            throw new TemplateFailure("'call' needs a call such as 'macro(…)'", line);
        }
        int start = tokens.position();
        List<Statement> body = ownBody("endcall", line);
        return new Statement.CallBlock(callee, arguments, new Routine(parameters, body, extrasSince(start)), line);
    }

    private Set<String> extrasSince(int start) {
        Set<String> names = tokens.namesSince(start);
        names.retainAll(ROUTINE_EXTRAS);
        return names;
    }

    private List<Parameter> parameters() {
        tokens.expectOperator("(");
        List<Parameter> parameters = new ArrayList<>();
        while (!tokens.isOperator(")")) {
            String name = tokens.expectName();
            boolean hasDefault = tokens.skipOperator("=");
            if (!hasDefault
                    && !parameters.isEmpty()
                    && parameters.getLast().defaultValue().isPresent()) {
                throw tokens.failure("parameter '%s' has no default, but the one before it has".formatted(name));
            }
            parameters.add(new Parameter(name, hasDefault ? Optional.of(expressions.expression()) : Optional.empty()));
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator(")");
        return parameters;
    }

    private Statement filterBlock(int line) {
        List<FilterCall> filters = new ArrayList<>();
        filters.add(expressions.filter());
        filters.addAll(expressions.filters());
        return new Statement.FilterBlock(filters, wholeBody(line, "endfilter"), line);
    }

    private Statement with(int line) {
        List<Binding> bindings = new ArrayList<>();
        while (!tokens.is(Kind.BLOCK_END)) {
            Target target = singleTarget();
            tokens.expectOperator("=");
            bindings.add(new Binding(target, expressions.expression()));
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        return new Statement.With(bindings, wholeBody(line, "endwith"), line);
    }
}
