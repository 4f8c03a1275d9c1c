package dev.bowline.text;

import java.util.Arrays;

/// Text of ids as they come, one at a time: a character is given out only when all its bytes are there.
public final class TextStream {

    private static final char REPLACEMENT = '\uFFFD';

    private final Tokenizer tokenizer;
    /// The ids that still matter: those of the piece given out last, for their effect on blanks, then the newer
    /// ones.
    private int[] pending = {};
    private int given;

    public TextStream(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /// @return the text that is complete now, possibly empty
    public String add(int id) {
        pending = Arrays.copyOf(pending, pending.length + 1);
        pending[pending.length - 1] = id;
        String text = freshText();
        if (text.isEmpty() || text.charAt(text.length() - 1) == REPLACEMENT) {
            return "";
        }
        pending = Arrays.copyOfRange(pending, given, pending.length);
        given = pending.length;
        return text;
    }

    /// @return the remaining text, when no more ids come
    public String finish() {
        String text = freshText();
        pending = new int[] {};
        given = 0;
        return text;
    }

    private String freshText() {
        String before = tokenizer.decode(Arrays.copyOf(pending, given));
        String all = tokenizer.decode(pending);
        return all.length() > before.length() ? all.substring(before.length()) : "";
    }
}
