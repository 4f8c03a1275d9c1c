package dev.bowline.formats;

import java.io.FilterReader;
import java.io.IOException;
import java.io.Reader;

/// Counts the quotes that pass through it.
final class CountingReader extends FilterReader {

    private long quotes;

    CountingReader(Reader in) {
        super(in);
    }

    boolean isBalanced() {
        return quotes % 2 == 0;
    }

    @Override
    public int read() throws IOException {
        int c = super.read();
        quotes += c == '"' ? 1 : 0;
        return c;
    }

    @Override
    public int read(char[] buffer, int offset, int length) throws IOException {
        int read = super.read(buffer, offset, length);
        for (int i = offset; i < offset + read; i++) {
            quotes += buffer[i] == '"' ? 1 : 0;
        }
        return read;
    }
}
