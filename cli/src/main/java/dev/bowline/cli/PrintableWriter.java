package dev.bowline.cli;

import dev.bowline.report.Printable;
import java.io.IOException;
import java.io.Writer;

/// Everything a command prints passes through here on its way to a stream. Names of tensors, keys of recipes,
/// texts of templates and answers of models are anyone's, and must not steer the terminal they appear on.
///
/// A character that would is written as its JSON escape, so that JSON keeps its meaning. A carriage return is
/// written where it ends a line of Windows.
final class PrintableWriter extends Writer {

    private static final char RETURN = '\r';
    private static final char NONE = 0;

    private final Writer target;

    /// A carriage return, or the first half of a surrogate pair, of which the next character decides.
    private char held = NONE;

    PrintableWriter(Writer target) {
        this.target = target;
    }

    @Override
    public void write(char[] text, int from, int length) throws IOException {
        synchronized (lock) {
            int written = from;
            for (int i = from; i < from + length; i++) {
                char each = text[i];
                boolean plain = held == NONE
                        && each != RETURN
                        && !Character.isSurrogate(each)
                        && !Printable.steersTerminal(each);
                if (!plain) {
                    target.write(text, written, i - written);
                    one(each);
                    written = i + 1;
                }
            }
            target.write(text, written, from + length - written);
        }
    }

    private void one(char each) throws IOException {
        char before = held;
        held = NONE;
        if (Character.isHighSurrogate(before) && Character.isLowSurrogate(each)) {
            codePoint(Character.toCodePoint(before, each));
            return;
        }
        if (before == RETURN && each == '\n') {
            target.write("\r\n");
            return;
        }
        if (before != NONE) {
            target.write(Printable.escaped(before));
        }
        if (each == RETURN || Character.isHighSurrogate(each)) {
            held = each;
        } else {
            codePoint(each);
        }
    }

    private void codePoint(int codePoint) throws IOException {
        target.write(
                Printable.steersTerminal(codePoint) ? Printable.escaped(codePoint) : Character.toString(codePoint));
    }

    @Override
    public void flush() throws IOException {
        target.flush();
    }

    @Override
    public void close() throws IOException {
        synchronized (lock) {
            if (held != NONE) {
                target.write(Printable.escaped(held));
                held = NONE;
            }
            target.close();
        }
    }
}
