package dev.bowline.text;

import dev.bowline.text.jinja.Span;
import java.util.ArrayList;
import java.util.List;

/// Tokens from one position up to but without another.
record TokenRange(int start, int end) {

    /// For each part of the text the tokens that touch it. The parts are in order and disjoint.
    static List<TokenRange> of(TokenizedText tokens, List<Span> parts) {
        List<TokenRange> ranges = new ArrayList<>(parts.size());
        int token = 0;
        for (Span part : parts) {
            while (token < tokens.size() && tokens.span(token).end() <= part.start()) {
                token++;
            }
            int end = token;
            while (end < tokens.size() && tokens.span(end).start() < part.end()) {
                end++;
            }
            ranges.add(new TokenRange(token, end));
        }
        return ranges;
    }
}
