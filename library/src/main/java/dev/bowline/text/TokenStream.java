package dev.bowline.text;

import dev.bowline.text.Tokenizer.SpecialTokens;
import java.util.Arrays;

/// Turns tokens into text as they come, holding back what is not a whole character yet.
///
/// What is given out never changes afterwards. Not for use by several threads.
public final class TokenStream {

    private static final char REPLACEMENT = '\uFFFD';

    private final Tokenizer tokenizer;
    private final SpecialTokens specialTokens;
    /// The tokens that still matter: those of the last piece given out, for their effect on blanks, then newer ones.
    private int[] pending = {};
    private int given;

    TokenStream(Tokenizer tokenizer, SpecialTokens specialTokens) {
        this.tokenizer = tokenizer;
        this.specialTokens = specialTokens;
    }

    /// The text that has become certain with this token; often empty.
    public String accept(int id) {
        pending = Arrays.copyOf(pending, pending.length + 1);
        pending[pending.length - 1] = id;
        String text = newText();
        if (text.isEmpty() || text.charAt(text.length() - 1) == REPLACEMENT) {
            return "";
        }
        pending = Arrays.copyOfRange(pending, given, pending.length);
        given = pending.length;
        return text;
    }

    /// What was held back, with a replacement character where bytes are missing. The stream can go on after it.
    public String flush() {
        String text = newText();
        pending = new int[] {};
        given = 0;
        return text;
    }

    private String newText() {
        String before = tokenizer.decode(Arrays.copyOf(pending, given), specialTokens);
        String all = tokenizer.decode(pending, specialTokens);
        return all.length() > before.length() ? all.substring(before.length()) : "";
    }
}
