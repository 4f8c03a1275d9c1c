package dev.bowline.text;

import dev.bowline.text.jinja.Span;
import java.util.List;

/// Token ids and the part of the text each stands for.
///
/// Several tokens can share a span: the bytes of one character do. A token with an empty span stands for no text.
public final class TokenizedText {

    private final int[] ids;
    private final List<Span> spans;

    TokenizedText(int[] ids, List<Span> spans) {
        this.ids = ids;
        this.spans = List.copyOf(spans);
    }

    public int size() {
        return ids.length;
    }

    public int id(int token) {
        return ids[token];
    }

    public Span span(int token) {
        return spans.get(token);
    }

    /// A copy.
    public int[] ids() {
        return ids.clone();
    }
}
