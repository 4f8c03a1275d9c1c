package dev.bowline.text.jinja;

/// An error in the execution of a template. `Template` turns it into a `BowlineException` naming the template and
/// the line.
final class TemplateFailure extends RuntimeException {

    private static final int UNKNOWN = 0;

    private final int line;

    TemplateFailure(String what) {
        this(what, UNKNOWN);
    }

    TemplateFailure(String what, int line) {
        super(what, null, false, false);
        this.line = line;
    }

    String what() {
        return String.valueOf(getMessage());
    }

    int line() {
        return line;
    }

    /// The same failure with a line, unless something further in already knew it.
    TemplateFailure at(int statementLine) {
        return line == UNKNOWN ? new TemplateFailure(what(), statementLine) : this;
    }
}
