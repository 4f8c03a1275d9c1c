package dev.bowline.text.jinja;

/// `'{} {name!r:>8}'.format(…)`
final class BraceFormat {

    private final String format;
    private final Arguments arguments;
    private final StringBuilder text = new StringBuilder();
    private Numbering numbering = Numbering.NOT_YET;
    private int automatic;
    private int at;

    /// The numbering of fields without a name: automatic or written.
    private enum Numbering {
        NOT_YET,
        AUTOMATIC,
        MANUAL
    }

    private BraceFormat(String format, Arguments arguments) {
        this.format = format;
        this.arguments = arguments;
    }

    static Value format(String format, Arguments arguments) {
        return Value.of(new BraceFormat(format, arguments).all());
    }

    private String all() {
        while (at < format.length()) {
            char c = format.charAt(at++);
            boolean doubled = at < format.length() && format.charAt(at) == c;
            if ((c == '{' || c == '}') && doubled) {
                text.append(c);
                at++;
            } else if (c == '{') {
                field();
            } else if (c == '}') {
                throw new TemplateFailure("Single '}' encountered in format string");
            } else {
                text.append(c);
            }
        }
        return text.toString();
    }

    private void field() {
        int end = format.indexOf('}', at);
        if (end < 0) {
            throw new TemplateFailure("expected '}' before end of string");
        }
        String written = format.substring(at, end);
        if (written.indexOf('{') >= 0) {
            throw new TemplateFailure("nested fields in a format string are not available here");
        }
        at = end + 1;
        int colon = written.indexOf(':');
        String reference = colon < 0 ? written : written.substring(0, colon);
        String spec = colon < 0 ? "" : written.substring(colon + 1);
        int bang = reference.indexOf('!');
        Value value = resolve(bang < 0 ? reference : reference.substring(0, bang));
        Value converted = switch (bang < 0 ? "" : reference.substring(bang + 1)) {
            case "" -> value;
            case "s" -> Value.of(PythonText.text(value));
            case "r" -> Value.of(PythonText.represent(value));
            default -> throw new TemplateFailure("Unknown conversion in '{%s}'".formatted(written));
        };
        text.append(FormatSpec.parse(spec).apply(converted));
        Arithmetic.requireLength(text.length());
    }

    /// `0`, `name`, `name.attribute` or `name[key]`; nothing takes the next positional argument.
    private Value resolve(String reference) {
        if (reference.isEmpty()) {
            number(Numbering.AUTOMATIC);
        } else if (reference.matches("\\d+")) {
            number(Numbering.MANUAL);
        }
        int end = 0;
        while (end < reference.length() && reference.charAt(end) != '.' && reference.charAt(end) != '[') {
            end++;
        }
        Value value = first(reference.substring(0, end));
        while (end < reference.length()) {
            boolean bracket = reference.charAt(end) == '[';
            int start = end + 1;
            end = start;
            while (end < reference.length()
                    && (bracket ? reference.charAt(end) != ']' : ".[".indexOf(reference.charAt(end)) < 0)) {
                end++;
            }
            String name = reference.substring(start, end);
            value = bracket ? Attributes.item(value, key(name)) : Attributes.attribute(value, name);
            end += bracket ? 1 : 0;
        }
        return value;
    }

    private void number(Numbering kind) {
        if (numbering != Numbering.NOT_YET && numbering != kind) {
            throw new TemplateFailure("cannot switch from manual field specification to automatic field numbering");
        }
        numbering = kind;
    }

    private static Value key(String name) {
        return name.matches("\\d{1,9}") ? Value.of(Integer.parseInt(name)) : Value.of(name);
    }

    private Value first(String name) {
        if (name.isEmpty() || name.matches("\\d{1,9}")) {
            int position = name.isEmpty() ? automatic++ : Integer.parseInt(name);
            if (position >= arguments.positional().size()) {
                throw new TemplateFailure(
                        "Replacement index %d out of range for positional args tuple".formatted(position));
            }
            return arguments.positional().get(position);
        }
        Value value = arguments.named().get(name);
        if (value == null) {
            throw new TemplateFailure("'%s'".formatted(name));
        }
        return value;
    }
}
