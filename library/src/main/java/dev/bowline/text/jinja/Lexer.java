package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/// Splits a template into tokens, deciding what white space around tags stays.
///
/// Uses the settings of transformers: a line break right after a block or comment goes (`trim_blocks`), blanks
/// between the start of a line and a block or comment go (`lstrip_blocks`), `-` takes all white space on its side,
/// `+` keeps it.
final class Lexer {

    private static final String RAW = "raw";
    private static final String END_RAW = "endraw";

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int position;
    private int line = 1;
    private boolean lineStarts = true;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        Lexer lexer = new Lexer(source.endsWith("\n") ? source.substring(0, source.length() - 1) : source);
        lexer.readAll();
        return lexer.tokens;
    }

    private void readAll() {
        while (position < source.length()) {
            int tag = nextTag(position);
            if (tag < 0) {
                addData(source.substring(position));
                position = source.length();
            } else {
                readTag(tag);
            }
        }
        tokens.add(new Token(Kind.END, "", line));
    }

    private void readTag(int tag) {
        char type = source.charAt(tag + 1);
        char sign = signAt(tag + 2);
        addData(beforeTag(source.substring(position, tag), type, sign));
        line = lineAt(tag);
        position = tag + (sign == ' ' ? 2 : 3);
        switch (type) {
            case '#' -> readComment();
            case '{' -> readCode(Kind.PRINT_BEGIN, Kind.PRINT_END);
            default -> {
                int rawEnd = endOfBareTag(position, RAW);
                if (rawEnd >= 0) {
                    moveTo(rawEnd);
                    readRaw();
                } else {
                    readCode(Kind.BLOCK_BEGIN, Kind.BLOCK_END);
                }
            }
        }
    }

    /// The text before a tag, after white space control.
    private String beforeTag(String text, char type, char sign) {
        if (sign == '-') {
            return CodePoints.stripTrailing(text);
        }
        if (sign == '+' || type == '{') {
            return text;
        }
        int start = text.lastIndexOf('\n') + 1;
        boolean onOwnLine = start > 0 || lineStarts;
        return onOwnLine && CodePoints.strip(text.substring(start)).isEmpty() ? text.substring(0, start) : text;
    }

    private void readComment() {
        int end = source.indexOf("#}", position);
        if (end < 0) {
            throw new TemplateFailure("a comment '{#' is not closed with '#}'", line);
        }
        char sign = end > position ? source.charAt(end - 1) : ' ';
        moveTo(afterClosing(end + 2, sign));
    }

    private void readRaw() {
        int opened = line;
        for (int tag = source.indexOf("{%", position); tag >= 0; tag = source.indexOf("{%", tag + 1)) {
            char sign = signAt(tag + 2);
            int end = endOfBareTag(tag + (sign == ' ' ? 2 : 3), END_RAW);
            if (end >= 0) {
                addData(beforeTag(source.substring(position, tag), '%', sign));
                moveTo(end);
                return;
            }
        }
        throw new TemplateFailure("a '{% raw %}' block is not closed with '{% endraw %}'", opened);
    }

    /// The end of the tag if it holds this word alone, −1 otherwise.
    private int endOfBareTag(int afterOpening, String word) {
        int at = CodePoints.skipSpace(source, afterOpening);
        if (!source.startsWith(word, at)) {
            return -1;
        }
        at = CodePoints.skipSpace(source, at + word.length());
        boolean keepsLineBreak = word.equals(RAW);
        if (source.startsWith("%}", at)) {
            return keepsLineBreak ? at + 2 : afterClosing(at + 2, ' ');
        }
        if (source.startsWith("-%}", at)) {
            return afterClosing(at + 3, '-');
        }
        return !keepsLineBreak && source.startsWith("+%}", at) ? at + 3 : -1;
    }

    private void readCode(Kind begin, Kind end) {
        tokens.add(new Token(begin, source.substring(position - 1, position), line));
        CodeLexer code = new CodeLexer(source, position, line, end);
        tokens.addAll(code.read());
        char sign = code.sign();
        position = code.position();
        line = code.line();
        if (end == Kind.BLOCK_END) {
            moveTo(afterClosing(position, sign));
        } else {
            moveTo(sign == '-' ? CodePoints.skipSpace(source, position) : position);
        }
    }

    private int afterClosing(int end, char sign) {
        if (sign == '-') {
            return CodePoints.skipSpace(source, end);
        }
        return sign != '+' && source.startsWith("\n", end) ? end + 1 : end;
    }

    private void addData(String text) {
        if (!text.isEmpty()) {
            tokens.add(new Token(Kind.DATA, text, line));
        }
    }

    private void moveTo(int newPosition) {
        line = lineAt(newPosition);
        position = newPosition;
        lineStarts = source.charAt(newPosition - 1) == '\n';
    }

    private int lineAt(int later) {
        int count = line;
        for (int at = position; at < later; at++) {
            if (source.charAt(at) == '\n') {
                count++;
            }
        }
        return count;
    }

    private char signAt(int at) {
        if (at < source.length() && (source.charAt(at) == '-' || source.charAt(at) == '+')) {
            return source.charAt(at);
        }
        return ' ';
    }

    private int nextTag(int from) {
        for (int brace = source.indexOf('{', from); brace >= 0; brace = source.indexOf('{', brace + 1)) {
            if (brace + 1 < source.length() && "{%#".indexOf(source.charAt(brace + 1)) >= 0) {
                return brace;
            }
        }
        return -1;
    }
}
