package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Token.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads the inside of one `{{ … }}` or `{% … %}`, closing delimiter included.
final class CodeLexer {

    private static final Pattern FLOAT =
            Pattern.compile("(\\d+_)*\\d+((\\.(\\d+_)*\\d+)?[eE][+\\-]?(\\d+_)*\\d+|\\.(\\d+_)*\\d+)");
    private static final Pattern INTEGER =
            Pattern.compile("0[bB](_?[01])+|0[oO](_?[0-7])+|0[xX](_?[\\da-fA-F])+|[1-9](_?\\d)*|0(_?0)*");
    private static final List<String> OPERATORS = List.of(
            "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
            "=", ".", ":", "|", ",", ";");

    private final String source;
    private final Kind end;
    private final List<Token> tokens = new ArrayList<>();
    private final Deque<String> open = new ArrayDeque<>();
    private int position;
    private int line;
    private char sign = ' ';

    CodeLexer(String source, int position, int line, Kind end) {
        this.source = source;
        this.position = position;
        this.line = line;
        this.end = end;
    }

    /// The white space control on the closing delimiter, a blank if none.
    char sign() {
        return sign;
    }

    int position() {
        return position;
    }

    int line() {
        return line;
    }

    List<Token> read() {
        int opened = line;
        while (true) {
            skipSpace();
            if (position >= source.length()) {
                String expected = end == Kind.BLOCK_END ? "%}" : "}}";
                throw new TemplateFailure(
                        "the tag that begins here is not closed with '%s'".formatted(expected), opened);
            }
            if (open.isEmpty() && closes()) {
                tokens.add(new Token(end, "", line));
                return tokens;
            }
            readOne();
        }
    }

    private boolean closes() {
        String delimiter = end == Kind.BLOCK_END ? "%}" : "}}";
        boolean signed = source.startsWith("-" + delimiter, position)
                || (end == Kind.BLOCK_END && source.startsWith("+" + delimiter, position));
        if (signed) {
            sign = source.charAt(position);
            position += 3;
            return true;
        }
        if (source.startsWith(delimiter, position)) {
            position += 2;
            return true;
        }
        return false;
    }

    private void readOne() {
        int c = source.codePointAt(position);
        if (c >= '0' && c <= '9') {
            readNumber();
        } else if (c == '_' || Character.isUnicodeIdentifierStart(c)) {
            readName();
        } else if (c == '\'' || c == '"') {
            readString((char) c);
        } else {
            readOperator();
        }
    }

    private void readNumber() {
        boolean afterDot = source.charAt(position - 1) == '.';
        Matcher floating = FLOAT.matcher(source).region(position, source.length());
        if (!afterDot && floating.lookingAt()) {
            add(Kind.FLOAT, floating.group().replace("_", ""), floating.end());
            return;
        }
        Matcher integer = INTEGER.matcher(source).region(position, source.length());
        if (!integer.lookingAt()) {
            throw new TemplateFailure("a number was expected", line);
        }
        add(Kind.INTEGER, integer.group().replace("_", ""), integer.end());
    }

    private void readName() {
        int at = position;
        while (at < source.length() && Character.isUnicodeIdentifierPart(source.codePointAt(at))) {
            at += Character.charCount(source.codePointAt(at));
        }
        add(Kind.NAME, source.substring(position, at), at);
    }

    private void readString(char quote) {
        for (int at = position + 1; at < source.length(); at++) {
            char c = source.charAt(at);
            if (c == '\\') {
                at++;
            } else if (c == quote) {
                String written = source.substring(position + 1, at);
                add(Kind.STRING, Escapes.resolve(written, line), at + 1);
                line += (int) written.chars().filter(x -> x == '\n').count();
                return;
            }
        }
        throw new TemplateFailure("a string that begins with %c is not closed".formatted(quote), line);
    }

    private void readOperator() {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, position)) {
                balance(operator);
                add(Kind.OPERATOR, operator, position + operator.length());
                return;
            }
        }
        throw new TemplateFailure(
                "unexpected character '%s'".formatted(Character.toString(source.codePointAt(position))), line);
    }

    private void balance(String operator) {
        switch (operator) {
            case "(" -> open.push(")");
            case "[" -> open.push("]");
            case "{" -> open.push("}");
            case ")", "]", "}" -> {
                if (open.isEmpty()) {
                    throw new TemplateFailure("unexpected '%s'".formatted(operator), line);
                }
                String expected = open.pop();
                if (!expected.equals(operator)) {
                    throw new TemplateFailure("unexpected '%s', expected '%s'".formatted(operator, expected), line);
                }
            }
            default -> {}
        }
    }

    private void add(Kind kind, String text, int newPosition) {
        tokens.add(new Token(kind, text, line));
        position = newPosition;
    }

    private void skipSpace() {
        int at = CodePoints.skipSpace(source, position);
        for (; position < at; position++) {
            if (source.charAt(position) == '\n') {
                line++;
            }
        }
    }
}
