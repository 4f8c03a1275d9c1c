package dev.bowline.safetensors;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.json.Utf8Text;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// Reads a header and checks every claim it makes, so that no later code need doubt an offset.
///
/// A salvaging reader continues where the format is broken and every tensor's bytes are known in spite of that.
final class HeaderReader {

    /// The handling of a breach that leaves no doubt about any tensor.
    @FunctionalInterface
    interface Breaches {
        void found(String what, BowlineException refusal);
    }

    static final String METADATA = "__metadata__";
    static final long MAX_HEADER_BYTES = 100_000_000;

    private static final JsonLimits LIMITS = new JsonLimits(3, 4_000_000, MAX_HEADER_BYTES);
    private static final Set<String> FIELDS = Set.of("dtype", "shape", "data_offsets");

    private final Path path;
    private final Breaches breaches;

    HeaderReader(Path path) {
        this(path, (_, refusal) -> {
            throw refusal;
        });
    }

    HeaderReader(Path path, Breaches breaches) {
        this.path = path;
        this.breaches = breaches;
    }

    SafetensorsHeader read(FileChannel channel) throws IOException {
        long fileBytes = channel.size();
        ByteBuffer start = readAt(channel, 0, (int) Math.min(fileBytes, ForeignFormat.START_BYTES));
        long headerBytes = headerBytes(start, fileBytes);
        return parse(channel, Long.BYTES + headerBytes, fileBytes);
    }

    private long headerBytes(ByteBuffer start, long fileBytes) {
        if (fileBytes >= Long.BYTES + 2) {
            long claimed = start.getLong(0);
            boolean fits = claimed >= 2 && claimed <= MAX_HEADER_BYTES && claimed <= fileBytes - Long.BYTES;
            if (fits && start.get(Long.BYTES) == '{') {
                return claimed;
            }
        }
        throw notSafetensors(start, fileBytes);
    }

    private BowlineException notSafetensors(ByteBuffer start, long fileBytes) {
        return ForeignFormat.refusal(path, Arrays.copyOf(start.array(), start.limit()))
                .orElseGet(() -> {
                    if (fileBytes < Long.BYTES + 2) {
                        return notWhole("it has only %d bytes".formatted(fileBytes));
                    }
                    long claimed = start.getLong(0);
                    if (claimed >= 0 && claimed <= MAX_HEADER_BYTES && claimed > fileBytes - Long.BYTES) {
                        return notWhole("its header claims %d bytes, the file has %d".formatted(claimed, fileBytes));
                    }
                    if (claimed < 0 || claimed > MAX_HEADER_BYTES) {
                        return new BowlineException(
                                "%s is not a safetensors file: its header claims %s bytes, and the format allows %d"
                                        .formatted(path, Long.toUnsignedString(claimed), MAX_HEADER_BYTES),
                                "check that this is the right file, and download it again");
                    }
                    return new BowlineException(
                            "%s is not a safetensors file: its header does not start with '{'".formatted(path),
                            "check that this is the right file, and download it again");
                });
    }

    /// Tensor by tensor, so that a header of hundreds of thousands is never in memory as text or as JSON.
    private SafetensorsHeader parse(FileChannel channel, long dataStart, long fileBytes) throws IOException {
        String source = path + " (header)";
        SequencedMap<String, String> metadata = new LinkedHashMap<>();
        List<TensorEntry> entries = new ArrayList<>();
        try {
            HeaderStream text = new HeaderStream(channel, Long.BYTES, dataStart);
            Json.eachField(text, source, LIMITS, (name, value) -> {
                if (name.equals(METADATA)) {
                    value.asObject().fields().forEach((key, string) -> metadata.put(key, metadataText(key, string)));
                } else {
                    entries.add(entry(name, value.asObject()));
                }
            });
        } catch (CharacterCodingException _) {
            ByteBuffer text = readAt(channel, Long.BYTES, (int) (dataStart - Long.BYTES));
            Utf8Text.decode(text, source);
            throw notWhole("it changed while it was read");
        } catch (EOFException _) {
            throw notWhole("it became shorter while it was read");
        }
        entries.sort(Comparator.comparingLong(TensorEntry::begin).thenComparingLong(TensorEntry::end));
        requireWhole(entries, dataStart, fileBytes);

        SequencedMap<String, TensorEntry> byName = new LinkedHashMap<>();
        entries.forEach(entry -> byName.put(entry.name(), entry));
        return new SafetensorsHeader(path, byName, metadata, dataStart, fileBytes - dataStart);
    }

    private String metadataText(String key, JsonValue value) {
        if (value instanceof JsonString string) {
            return string.asString();
        }
        breaches.found("'%s' of %s is not a string".formatted(key, METADATA), value.mistyped("a string"));
        return Json.compact(value);
    }

    private TensorEntry entry(String name, JsonObject fields) {
        TensorName.refusal(name).ifPresent(problem -> {
            throw malformed(TensorName.shortened(name), problem);
        });
        for (String key : fields.keys()) {
            if (!FIELDS.contains(key)) {
                throw malformed(name, "has the unknown field '%s'".formatted(key));
            }
        }
        SafetensorsType type = type(name, fields.requireString("dtype"));
        List<Long> shape = fields.requireArray("shape").longs();
        JsonArray offsets = fields.requireArray("data_offsets");
        if (offsets.size() != 2) {
            throw offsets.mistyped("[begin, end]");
        }
        long begin = offsets.get(0).asLong();
        long end = offsets.get(1).asLong();
        if (begin < 0 || end < begin) {
            throw malformed(name, "claims the bytes %d to %d".formatted(begin, end));
        }
        long needed = bytesOf(name, type, shape);
        if (needed != end - begin) {
            throw malformed(
                    name,
                    "of %s %s needs %d bytes, but claims %d (%d to %d)"
                            .formatted(type, shape, needed, end - begin, begin, end));
        }
        return new TensorEntry(name, type, shape, begin, end);
    }

    private SafetensorsType type(String name, String dtype) {
        for (SafetensorsType type : SafetensorsType.values()) {
            if (type.name().equals(dtype)) {
                return type;
            }
        }
        throw new BowlineException(
                "%s: tensor '%s' has the dtype '%s'; Bowline reads %s"
                        .formatted(path, name, dtype, Arrays.toString(SafetensorsType.values())),
                "use a checkpoint in one of these dtypes");
    }

    private long bytesOf(String name, SafetensorsType type, List<Long> shape) {
        try {
            return TensorEntry.bytesOf(type, shape);
        } catch (ArithmeticException _) {
            throw malformed(name, "has the impossible shape %s".formatted(shape));
        }
    }

    /// @param entries in the order of their bytes
    private void requireWhole(List<TensorEntry> entries, long dataStart, long fileBytes) {
        long dataBytes = fileBytes - dataStart;
        long needed = entries.stream().mapToLong(TensorEntry::end).max().orElse(0);
        if (needed > dataBytes) {
            throw notWhole("its tensors need %d bytes after the header, the file has %d".formatted(needed, dataBytes));
        }
        long position = 0;
        Optional<TensorEntry> previous = Optional.empty();
        for (TensorEntry entry : entries) {
            String before = previous.map(each -> "'" + each.name() + "'").orElse("the header");
            if (entry.begin() < position) {
                BowlineException refusal =
                        malformed(entry.name(), "overlaps %s by %d bytes".formatted(before, position - entry.begin()));
                if (!previous.map(each -> isSamePlace(each, entry)).orElse(false)) {
                    throw refusal;
                }
                breaches.found("'%s' is stored in the bytes of %s".formatted(entry.name(), before), refusal);
            }
            if (entry.begin() > position) {
                String gap = "a gap of %d bytes after %s".formatted(entry.begin() - position, before);
                breaches.found(gap, malformed(entry.name(), "leaves " + gap));
            }
            position = entry.end();
            previous = Optional.of(entry);
        }
        if (position < dataBytes) {
            String rest = "%d bytes at its end belong to no tensor".formatted(dataBytes - position);
            breaches.found(
                    rest,
                    new BowlineException(
                            "%s is malformed: %s".formatted(path, rest),
                            "download the file again, or rewrite it with the program that made it"));
        }
    }

    private static boolean isSamePlace(TensorEntry a, TensorEntry b) {
        return a.begin() == b.begin()
                && a.end() == b.end()
                && a.type() == b.type()
                && a.shape().equals(b.shape());
    }

    private BowlineException notWhole(String problem) {
        return new BowlineException(
                "%s is not a whole safetensors file: %s".formatted(path, problem),
                "download the file again; the download or the copy was cut short");
    }

    private BowlineException malformed(String name, String problem) {
        return new BowlineException(
                "%s is malformed: tensor '%s' %s".formatted(path, name, problem),
                "download the file again, or rewrite it with the program that made it");
    }

    private ByteBuffer readAt(FileChannel channel, long position, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, position + buffer.position()) < 0) {
                throw notWhole("it became shorter while it was read");
            }
        }
        return buffer.flip();
    }
}
