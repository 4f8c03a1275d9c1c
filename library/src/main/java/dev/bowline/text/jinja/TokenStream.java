package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Token.Kind;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// The tokens of a template and where the parsers are in them.
final class TokenStream {

    private final List<Token> tokens;
    private int position;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(position);
    }

    Token following() {
        return tokens.get(Math.min(position + 1, tokens.size() - 1));
    }

    Token next() {
        Token token = current();
        if (token.kind() != Kind.END) {
            position++;
        }
        return token;
    }

    boolean is(Kind kind) {
        return current().kind() == kind;
    }

    boolean isName(String name) {
        return current().isName(name);
    }

    boolean isOperator(String operator) {
        return current().isOperator(operator);
    }

    boolean skipName(String name) {
        if (!isName(name)) {
            return false;
        }
        next();
        return true;
    }

    boolean skipOperator(String operator) {
        if (!isOperator(operator)) {
            return false;
        }
        next();
        return true;
    }

    Token expect(Kind kind, String expected) {
        if (!is(kind)) {
            throw unexpected(expected);
        }
        return next();
    }

    String expectName() {
        return expect(Kind.NAME, "a name").text();
    }

    void expectName(String name) {
        if (!skipName(name)) {
            throw unexpected("'" + name + "'");
        }
    }

    void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
    }

    int line() {
        return current().line();
    }

    int position() {
        return position;
    }

    /// Every name that was read since the parsers were at `start`.
    Set<String> namesSince(int start) {
        Set<String> names = new HashSet<>();
        for (Token token : tokens.subList(start, position)) {
            if (token.kind() == Kind.NAME) {
                names.add(token.text());
            }
        }
        return names;
    }

    TemplateFailure unexpected(String expected) {
        return failure("expected %s, found %s".formatted(expected, current().describe()));
    }

    TemplateFailure failure(String what) {
        return new TemplateFailure(what, line());
    }
}
