package dev.bowline.data;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.ServiceLoader;

/// Chooses the reader of a file. The error for a file without a reader names a way to convert the file.
final class RowFormats {

    private static final String FORMATS = "dev.bowline:bowline-formats";
    private static final String GIT_LFS = "version https://git-lfs.github.com/spec/";
    private static final int START = 64;

    private record Packed(String name, List<Integer> start, String fix) {}

    private static final List<Packed> PACKED = List.of(
            new Packed("compressed with gzip twice", List.of(0x1f, 0x8b), "unpack it: gunzip -k '%s'"),
            new Packed("compressed with Zstandard", List.of(0x28, 0xb5, 0x2f, 0xfd), "unpack it: zstd -d '%s'"),
            new Packed("compressed with bzip2", List.of(0x42, 0x5a, 0x68), "unpack it: bunzip2 -k '%s'"),
            new Packed("compressed with xz", List.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00), "unpack it: unxz -k '%s'"),
            new Packed("a zip archive", List.of(0x50, 0x4b, 0x03, 0x04), "unpack it: unzip '%s'"),
            new Packed(
                    "Arrow",
                    List.of(0x41, 0x52, 0x52, 0x4f, 0x57, 0x31),
                    toParquet("datasets.Dataset(pyarrow.feather.read_table(r'%s'))", "pyarrow.feather, datasets")),
            new Packed(
                    "an Arrow stream",
                    List.of(0xff, 0xff, 0xff, 0xff),
                    toParquet("datasets.Dataset.from_file(r'%s')", "datasets")));

    private RowFormats() {}

    /// Opens the rows of the file.
    static RowReader open(DataFile file) throws IOException {
        byte[] start = file.start(START);
        requireReadable(file, start);
        for (RowFormat format : ServiceLoader.load(RowFormat.class)) {
            if (format.reads(file)) {
                return format.open(file);
            }
        }
        if (startsWith(start, List.of(0x50, 0x41, 0x52, 0x31))) {
            throw withoutFormats(file, "Parquet");
        }
        if (file.isNamed(".csv") || file.isNamed(".tsv")) {
            throw withoutFormats(file, "a table of separated values");
        }
        return new JsonFormat().open(file);
    }

    private static void requireReadable(DataFile file, byte[] start) {
        for (Packed kind : PACKED) {
            if (startsWith(start, kind.start)) {
                throw new BowlineException(
                        "%s is %s, which is not read".formatted(file, kind.name), kind.fix.formatted(file));
            }
        }
        if (new String(start, StandardCharsets.ISO_8859_1).startsWith(GIT_LFS)) {
            throw new BowlineException(
                    "%s is a Git LFS pointer, not the data".formatted(file), "download the data itself: git lfs pull");
        }
        boolean marked = startsWith(start, List.of(0xff, 0xfe)) || startsWith(start, List.of(0xfe, 0xff));
        boolean wide = start.length > 1 && (start[0] == 0 ^ start[1] == 0);
        if (marked || wide) {
            throw new BowlineException(
                    "%s is UTF-16 text, not UTF-8".formatted(file),
                    "convert it: iconv -f UTF-16 -t UTF-8 '%s' > converted, with the same ending".formatted(file));
        }
    }

    private static BowlineException withoutFormats(DataFile file, String kind) {
        return new BowlineException(
                "%s is %s; the reader of this format, %s, is not on the class path".formatted(file, kind, FORMATS),
                "add the dependency %s, or convert the file to JSON lines".formatted(FORMATS));
    }

    private static String toParquet(String dataset, String imports) {
        return "convert it to Parquet, in Python: import " + imports + "; " + dataset + ".to_parquet('data.parquet')";
    }

    private static boolean startsWith(byte[] bytes, List<Integer> start) {
        if (bytes.length < start.size()) {
            return false;
        }
        for (int i = 0; i < start.size(); i++) {
            if ((bytes[i] & 0xff) != start.get(i)) {
                return false;
            }
        }
        return true;
    }
}
