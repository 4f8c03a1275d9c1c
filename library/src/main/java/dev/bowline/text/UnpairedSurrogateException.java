package dev.bowline.text;

import dev.bowline.BowlineException;
import java.util.OptionalInt;

/// A text with an unpaired surrogate, which UTF-8 cannot encode.
public final class UnpairedSurrogateException extends BowlineException {

    private UnpairedSurrogateException(String text, int unit) {
        super(
                "the text to tokenize has an unpaired surrogate, U+%04X, at unit %d of %d"
                        .formatted((int) text.charAt(unit), unit, text.length()),
                "remove it, or write the whole character: a surrogate pair, such as \\ud83d\\ude00, or its UTF-8");
    }

    static void refuse(String text) {
        lone(text).ifPresent(unit -> {
            throw new UnpairedSurrogateException(text, unit);
        });
    }

    /// The index in `text` of the first unpaired surrogate.
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
