package dev.bowline.json;

import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// Bytes to text, refusing what is not UTF-8 with the place of the first bad byte.
public final class Utf8Text {

    private Utf8Text() {}

    /// @param source the name of the bytes in errors
    public static String decode(ByteBuffer bytes, String source) {
        return decode(bytes, source, 1);
    }

    /// @param source the name of the bytes in errors
    /// @param firstLine the number of the first line in the source
    public static String decode(ByteBuffer bytes, String source, int firstLine) {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        CharBuffer text = CharBuffer.allocate(bytes.remaining());
        CoderResult result = decoder.decode(bytes, text, true);
        text.flip();
        if (result.isError()) {
            throw notUtf8(bytes, text, source, firstLine);
        }
        return text.toString();
    }

    private static BowlineException notUtf8(ByteBuffer rest, CharSequence before, String source, int firstLine) {
        int line = firstLine;
        int column = 1;
        for (int i = 0; i < before.length(); i++) {
            boolean newline = before.charAt(i) == '\n';
            line += newline ? 1 : 0;
            column = newline ? 1 : column + 1;
        }
        return new LocatedException(
                source,
                "%s:%d:%d: byte 0x%02x is not UTF-8 text".formatted(source, line, column, rest.get(rest.position())),
                "save the file as UTF-8, or download it again");
    }
}
