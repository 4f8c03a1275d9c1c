package dev.bowline.data;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// Refuses what datasets also come as, and is not JSON, with the command that makes JSON lines of it.
final class FileKind {

    private record Packed(String name, List<Integer> start, String fix) {}

    private static final List<Packed> PACKED = List.of(
            new Packed("compressed with gzip", List.of(0x1f, 0x8b), "unpack it: gunzip --keep '%s'"),
            new Packed("compressed with Zstandard", List.of(0x28, 0xb5, 0x2f, 0xfd), "unpack it: zstd -d '%s'"),
            new Packed("a zip archive", List.of(0x50, 0x4b, 0x03, 0x04), "unpack it: unzip '%s'"),
            new Packed("Parquet", List.of(0x50, 0x41, 0x52, 0x31), pandas("read_parquet")),
            new Packed("Arrow", List.of(0x41, 0x52, 0x52, 0x4f, 0x57, 0x31), pandas("read_feather")));

    private FileKind() {}

    /// An error that tells the kind, if the file is of one that cannot be read.
    static void requireText(Path file) {
        byte[] start = start(file);
        for (Packed kind : PACKED) {
            if (startsWith(start, kind.start)) {
                throw refused(file, kind.name, kind.fix);
            }
        }
        String name = file.toString().toLowerCase(Locale.ROOT);
        if (name.endsWith(".csv") || name.endsWith(".tsv")) {
            String options = name.endsWith(".tsv") ? "read_csv(r'%s', sep='\t')" : "read_csv(r'%s')";
            throw refused(file, "a table of separated values", toJsonLines(options));
        }
    }

    private static String pandas(String reader) {
        return toJsonLines(reader + "(r'%s')");
    }

    private static String toJsonLines(String frame) {
        return "convert it to JSON lines, in Python: import pandas; pandas." + frame
                + ".to_json('data.jsonl', orient='records', lines=True, force_ascii=False)";
    }

    private static BowlineException refused(Path file, String kind, String fix) {
        return new BowlineException(
                "%s is %s; examples are read from JSON and JSON lines".formatted(file, kind), fix.formatted(file));
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

    private static byte[] start(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(8);
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(file, e.getMessage()), "name a readable JSONL or JSON file", e);
        }
    }
}
