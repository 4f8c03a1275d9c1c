package dev.bowline.text;

import java.util.Arrays;

/// Text of ids as they come, one at a time: a character is given out only when all its bytes are there.
public final class TextStream {

    private static final char REPLACEMENT = '\uFFFD';

    private final Tokenizer tokenizer;
    private int[] ids = new int[0];
    private int given;

    public TextStream(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /// @return what can be shown now, which may be nothing
    public String add(int id) {
        ids = Arrays.copyOf(ids, ids.length + 1);
        ids[ids.length - 1] = id;
        String all = tokenizer.decode(ids);
        if (!all.isEmpty() && all.charAt(all.length() - 1) == REPLACEMENT) {
            return "";
        }
        return giveOut(all);
    }

    /// @return what was held back, when no more ids come
    public String finish() {
        return giveOut(tokenizer.decode(ids));
    }

    private String giveOut(String all) {
        if (all.length() <= given) {
            return "";
        }
        String fresh = all.substring(given);
        given = all.length();
        return fresh;
    }
}
