package dev.bowline.report;

/// Text from files for people to see: names that anyone wrote must not steer a terminal.
final class Printable {

    private Printable() {}

    /// Characters that control a terminal, or the direction of text, as `\\u001b`; of a line break too.
    static String of(String raw) {
        if (raw.chars().noneMatch(Printable::isControl)) {
            return raw;
        }
        StringBuilder text = new StringBuilder();
        raw.chars().forEach(each -> {
            if (isControl(each)) {
                text.append("\\u%04x".formatted(each));
            } else {
                text.append((char) each);
            }
        });
        return text.toString();
    }

    private static boolean isControl(int each) {
        return Character.isISOControl(each)
                || Character.getType(each) == Character.FORMAT
                || each == '\u2028'
                || each == '\u2029';
    }
}
