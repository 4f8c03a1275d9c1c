package dev.bowline.report;

/// Text from files for people to see: names that anyone wrote must not steer a terminal.
public final class Printable {

    private static final int ZERO_WIDTH_NON_JOINER = 0x200c;
    private static final int ZERO_WIDTH_JOINER = 0x200d;
    private static final int SOFT_HYPHEN = 0x00ad;

    private Printable() {}

    /// A name on one line: characters that control a terminal, that end a line or that nobody sees, as
    /// `\\u001b`.
    static String of(String raw) {
        if (raw.codePoints().noneMatch(Printable::isUnseen)) {
            return raw;
        }
        StringBuilder text = new StringBuilder();
        raw.codePoints().forEach(each -> {
            if (isUnseen(each)) {
                text.append(escaped(each));
            } else {
                text.appendCodePoint(each);
            }
        });
        return text.toString();
    }

    /// True if a character moves the cursor, colours, hides or reorders other text on a terminal. Line
    /// feeds and tabs do not, nor do the joiners of Persian, Indic scripts and emoji.
    public static boolean steersTerminal(int codePoint) {
        return switch (codePoint) {
            case '\n', '\t', SOFT_HYPHEN, ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER -> false;
            default -> isUnseen(codePoint);
        };
    }

    /// The escape of JSON, which is valid inside of its strings: `\\u001b`, and two of them beyond U+FFFF.
    public static String escaped(int codePoint) {
        StringBuilder text = new StringBuilder();
        for (char each : Character.toChars(codePoint)) {
            text.append("\\u%04x".formatted((int) each));
        }
        return text.toString();
    }

    private static boolean isUnseen(int codePoint) {
        return Character.isISOControl(codePoint)
                || switch (Character.getType(codePoint)) {
                    case Character.FORMAT,
                            Character.SURROGATE,
                            Character.LINE_SEPARATOR,
                            Character.PARAGRAPH_SEPARATOR -> true;
                    default -> false;
                };
    }
}
