package dev.bowline.text.jinja;

/// Backslash escapes in a template's string literals, with Python's rules: an unknown one keeps its backslash.
final class Escapes {

    private final String written;
    private final int line;
    private final StringBuilder resolved = new StringBuilder();
    private int at;

    private Escapes(String written, int line) {
        this.written = written;
        this.line = line;
    }

    static String resolve(String written, int line) {
        return written.indexOf('\\') < 0 ? written : new Escapes(written, line).all();
    }

    private String all() {
        while (at < written.length()) {
            char c = written.charAt(at++);
            if (c == '\\' && at < written.length()) {
                escape(written.charAt(at++));
            } else {
                resolved.append(c);
            }
        }
        return resolved.toString();
    }

    private void escape(char c) {
        switch (c) {
            case '\n' -> {}
            case '\\', '\'', '"' -> resolved.append(c);
            case 'n' -> resolved.append('\n');
            case 't' -> resolved.append('\t');
            case 'r' -> resolved.append('\r');
            case 'b' -> resolved.append('\b');
            case 'f' -> resolved.append('\f');
            case 'a' -> resolved.append('\u0007');
            case 'v' -> resolved.append('\u000b');
            case 'x' -> hex(2);
            case 'u' -> hex(4);
            case 'U' -> hex(8);
            case '0', '1', '2', '3', '4', '5', '6', '7' -> octal();
            default -> resolved.append('\\').append(c);
        }
    }

    private void hex(int digits) {
        int end = at + digits;
        if (end > written.length() || !written.substring(at, end).chars().allMatch(c -> Character.digit(c, 16) >= 0)) {
            throw new TemplateFailure("a string escape needs %d hexadecimal digits".formatted(digits), line);
        }
        long code = Long.parseLong(written, at, end, 16);
        if (code > Character.MAX_CODE_POINT) {
            throw new TemplateFailure(
                    "the string escape names character %x, which does not exist".formatted(code), line);
        }
        resolved.appendCodePoint((int) code);
        at = end;
    }

    private void octal() {
        int start = at - 1;
        while (at < written.length() && at < start + 3 && Character.digit(written.charAt(at), 8) >= 0) {
            at++;
        }
        resolved.append((char) Integer.parseInt(written, start, at, 8));
    }
}
