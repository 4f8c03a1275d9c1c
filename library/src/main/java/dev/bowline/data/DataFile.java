package dev.bowline.data;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.zip.GZIPInputStream;

/// A file of a dataset. A file compressed with gzip is read decompressed.
public record DataFile(Path path) {

    private static final int BUFFER = 1 << 16;
    private static final String GZIP = ".gz";

    /// The decompressed content. The caller closes the stream.
    public InputStream open() throws IOException {
        InputStream packed = new BufferedInputStream(Files.newInputStream(path), BUFFER);
        try {
            packed.mark(2);
            boolean isGzip = packed.read() == 0x1f && packed.read() == 0x8b;
            packed.reset();
            return isGzip ? new GZIPInputStream(packed, BUFFER) : packed;
        } catch (IOException | RuntimeException e) {
            packed.close();
            throw e;
        }
    }

    /// The first bytes of the content; fewer if the content is shorter.
    public byte[] start(int bytes) throws IOException {
        try (InputStream content = open()) {
            return content.readNBytes(bytes);
        }
    }

    /// True if the file's name, without `.gz`, ends with `suffix`, such as `.csv`, in upper or lower case.
    public boolean isNamed(String suffix) {
        String name = String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
        String unpacked = name.endsWith(GZIP) ? name.substring(0, name.length() - GZIP.length()) : name;
        return unpacked.endsWith(suffix);
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
