package dev.bowline.text;

import java.util.stream.IntStream;

/// Where each code point of a text begins, in Java `char`s.
final class CodePointOffsets {

    private final int[] offsets;

    CodePointOffsets(String text) {
        int length = text.codePointCount(0, text.length());
        offsets = length == text.length() ? IntStream.rangeClosed(0, length).toArray() : offsets(text, length);
    }

    private static int[] offsets(String text, int length) {
        int[] offsets = new int[length + 1];
        for (int i = 0; i < length; i++) {
            offsets[i + 1] = offsets[i] + Character.charCount(text.codePointAt(offsets[i]));
        }
        return offsets;
    }

    int charAt(int codePoint) {
        return offsets[codePoint];
    }
}
