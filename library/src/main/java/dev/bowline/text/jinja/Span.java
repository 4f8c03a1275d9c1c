package dev.bowline.text.jinja;

/// A part of a text, from one position up to but without another, both in Java `char`s.
public record Span(int start, int end) {

    public Span {
        if (start < 0 || end < start) {
            throw new IllegalArgumentException("a span cannot run from %d to %d".formatted(start, end));
        }
    }

    public int length() {
        return end - start;
    }
}
