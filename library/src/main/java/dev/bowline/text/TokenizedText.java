package dev.bowline.text;

import dev.bowline.text.jinja.Span;

/// Token ids and where each came from.
///
/// @param ids in order
/// @param starts the first UTF-16 unit of the text that token i stands for
/// @param ends the unit after its last
public record TokenizedText(int[] ids, int[] starts, int[] ends) {

    int size() {
        return ids.length;
    }

    int id(int token) {
        return ids[token];
    }

    /// Several tokens can share a span: the bytes of one character do.
    Span span(int token) {
        return new Span(starts[token], ends[token]);
    }
}
