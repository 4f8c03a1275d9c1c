package dev.bowline.text;

import dev.bowline.BowlineException;
import java.util.OptionalInt;

/// Text that no bytes can be: it has one half of a surrogate pair without the other.
public final class UnpairedSurrogateException extends BowlineException {

    private UnpairedSurrogateException(String text, int unit) {
        super(
                "the text to tokenise has half of a character, U+%04X, at unit %d of %d"
                        .formatted((int) text.charAt(unit), unit, text.length()),
                "remove it, or write the whole character: two halves, such as \\ud83d\\ude00, or its UTF-8");
    }

    static void refuse(String text) {
        lone(text).ifPresent(unit -> {
            throw new UnpairedSurrogateException(text, unit);
        });
    }

    /// Where in `text` the first half stands alone.
    public static OptionalInt lone(String text) {
        for (int i = 0; i < text.length(); i++) {
            char unit = text.charAt(i);
            if (Character.isHighSurrogate(unit)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(unit)) {
                return OptionalInt.of(i);
            }
        }
        return OptionalInt.empty();
    }
}
