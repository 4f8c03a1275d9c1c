package dev.bowline.data;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.Utf8Text;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Optional;

/// The lines of a UTF-8 text, counted from 1, that end with `\n`, `\r` or both. A byte order mark is not part of
/// a line.
final class Utf8Lines implements AutoCloseable {

    private static final String BYTE_ORDER_MARK = "\ufeff";
    private static final long LONGEST = JsonLimits.DEFAULT.bytes();

    private final InputStream content;
    private final String source;
    private final byte[] buffer = new byte[1 << 16];
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private int at;
    private int end;
    private boolean afterCarriageReturn;
    private int number;

    Utf8Lines(DataFile file) throws IOException {
        content = file.open();
        source = file.toString();
    }

    /// The number of the line that [#next] returned last.
    int number() {
        return number;
    }

    Optional<String> next() throws IOException {
        line.reset();
        boolean read = false;
        while (fill()) {
            read = true;
            int stop = at;
            while (stop < end && buffer[stop] != '\n' && buffer[stop] != '\r') {
                stop++;
            }
            append(stop);
            if (stop < end) {
                afterCarriageReturn = buffer[stop] == '\r';
                at = stop + 1;
                break;
            }
            at = stop;
        }
        if (!read) {
            return Optional.empty();
        }
        number++;
        String text = Utf8Text.decode(ByteBuffer.wrap(line.toByteArray()), source, number);
        return Optional.of(
                number == 1 && text.startsWith(BYTE_ORDER_MARK) ? text.substring(BYTE_ORDER_MARK.length()) : text);
    }

    private void append(int stop) {
        if ((long) line.size() + stop - at > LONGEST) {
            throw new BowlineException(
                    "%s:%d: the line has more than %d bytes".formatted(source, number + 1, LONGEST),
                    "write each example as an object on a line of its own");
        }
        line.write(buffer, at, stop - at);
    }

    /// True if there is another byte, at [#at]. The `\n` of a `\r\n` does not begin a line.
    private boolean fill() throws IOException {
        while (true) {
            if (at == end) {
                end = content.read(buffer);
                at = 0;
                if (end <= 0) {
                    end = 0;
                    return false;
                }
            }
            if (!afterCarriageReturn) {
                return true;
            }
            afterCarriageReturn = false;
            if (buffer[at] != '\n') {
                return true;
            }
            at++;
        }
    }

    @Override
    public void close() throws IOException {
        content.close();
    }
}
