package dev.bowline.gguf;

import dev.bowline.BowlineException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// Reads the header of a GGUF file, and checks every length in it against the file's.
final class GgufHeaderReader {

    private static final int MAGIC = 0x46554747;
    private static final int MAX_DIMENSIONS = 4;
    private static final String ALIGNMENT = "general.alignment";
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// The numbers of the types of values in a file.
    private static final int STRING = 8;

    private static final int ARRAY = 9;

    private final Path path;
    private final MemorySegment file;
    private final SequencedMap<String, GgufValue> metadata = new LinkedHashMap<>();
    private final SequencedMap<String, MappedGguf.Tensor> tensors = new LinkedHashMap<>();
    private long at;

    private record Described(String name, GgufType type, List<Long> shape, long offset) {}

    private GgufHeaderReader(Path path, MemorySegment file) {
        this.path = path;
        this.file = file;
    }

    /// @throws BowlineException for a header that cannot be read or does not fit the file
    static GgufHeaderReader read(Path path, MemorySegment file) {
        GgufHeaderReader reader = new GgufHeaderReader(path, file);
        reader.read();
        return reader;
    }

    SequencedMap<String, GgufValue> metadata() {
        return metadata;
    }

    SequencedMap<String, MappedGguf.Tensor> tensors() {
        return tensors;
    }

    private void read() {
        if (file.byteSize() < Integer.BYTES || int32("the magic number") != MAGIC) {
            throw refused("is no GGUF file: it does not begin with 'GGUF'");
        }
        int version = int32("the version");
        if (version != 2 && version != 3) {
            throw refused("is GGUF of version %d, and Bowline reads versions 2 and 3".formatted(version));
        }
        long tensorCount = count("the number of tensors");
        long valueCount = count("the number of metadata values");
        for (long i = 0; i < valueCount; i++) {
            String key = text("the key of metadata value %d".formatted(i));
            value(key, int32("the type of '%s'".formatted(key))).ifPresent(value -> metadata.put(key, value));
        }
        List<Described> described = new ArrayList<>();
        for (long i = 0; i < tensorCount; i++) {
            described.add(tensor(i));
        }
        place(described);
    }

    private Described tensor(long index) {
        String name = text("the name of tensor %d".formatted(index));
        String where = "tensor '%s'".formatted(name);
        int dimensions = int32("the dimensions of " + where);
        if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
            throw refused("gives %s %d dimensions, not 1 to %d".formatted(where, dimensions, MAX_DIMENSIONS));
        }
        List<Long> shape = new ArrayList<>();
        for (int i = 0; i < dimensions; i++) {
            shape.addFirst(count("the shape of " + where));
        }
        int code = int32("the type of " + where);
        GgufType type = Arrays.stream(GgufType.values())
                .filter(each -> each.code() == code)
                .findFirst()
                .orElseThrow(
                        () -> refused("has %s of type %d, and Bowline reads F32, F16 and BF16".formatted(where, code)));
        return new Described(name, type, shape, count("the offset of " + where));
    }

    private void place(List<Described> described) {
        long alignment = metadata.get(ALIGNMENT) instanceof GgufValue.Unsigned(long value) ? value : GgufFile.ALIGNMENT;
        if (alignment == 0) {
            throw refused("gives '%s' 0".formatted(ALIGNMENT));
        }
        long start = Math.ceilDiv(at, alignment) * alignment;
        for (Described each : described) {
            long left = file.byteSize() - start - each.offset;
            long bytes = bytes(each, left);
            if (bytes > left) {
                throw refused("is cut short: tensor '%s' %s ends after the file's %d bytes"
                        .formatted(each.name, each.shape, file.byteSize()));
            }
            MemorySegment content = file.asSlice(start + each.offset, bytes);
            if (tensors.put(each.name, new MappedGguf.Tensor(each.name, each.type, each.shape, content)) != null) {
                throw refused("has tensor '%s' twice".formatted(each.name));
            }
        }
    }

    /// The length of a tensor; more than `left` if it does not fit.
    private static long bytes(Described tensor, long left) {
        try {
            return tensor.shape.stream()
                    .reduce((long) tensor.type.bytes(), Math::multiplyExact)
                    .longValue();
        } catch (ArithmeticException e) {
            return Math.max(0, left) + 1;
        }
    }

    /// The value; empty for one of a type that [GgufValue] has not.
    private Optional<GgufValue> value(String key, int type) {
        String where = "the value of '%s'".formatted(key);
        return switch (type) {
            case 4 -> Optional.of(new GgufValue.Unsigned(Integer.toUnsignedLong(int32(where))));
            case 6 -> Optional.of(new GgufValue.Real(file.get(FLOAT, advance(Float.BYTES, where))));
            case 7 -> Optional.of(new GgufValue.Flag(file.get(ValueLayout.JAVA_BYTE, advance(1, where)) != 0));
            case STRING -> Optional.of(new GgufValue.Text(text(where)));
            case ARRAY -> array(key, int32(where), count(where));
            default -> {
                advance(width(type, key), where);
                yield Optional.empty();
            }
        };
    }

    private Optional<GgufValue> array(String key, int type, long length) {
        String where = "the values of '%s'".formatted(key);
        if (type == ARRAY) {
            throw refused("has arrays of arrays in '%s'".formatted(key));
        }
        if (type == STRING) {
            List<String> texts = new ArrayList<>();
            for (long i = 0; i < length; i++) {
                texts.add(text(where));
            }
            return Optional.of(new GgufValue.Texts(texts));
        }
        int width = width(type, key);
        if (length > (file.byteSize() - at) / width) {
            throw cut(where);
        }
        long from = advance(length * width, where);
        if (type == 5) {
            List<Integer> integers = new ArrayList<>();
            for (long i = 0; i < length; i++) {
                integers.add(file.get(INT, from + i * width));
            }
            return Optional.of(new GgufValue.Integers(integers));
        }
        if (type == 6) {
            List<Float> reals = new ArrayList<>();
            for (long i = 0; i < length; i++) {
                reals.add(file.get(FLOAT, from + i * width));
            }
            return Optional.of(new GgufValue.Reals(reals));
        }
        return Optional.empty();
    }

    private int width(int type, String key) {
        return switch (type) {
            case 0, 1, 7 -> 1;
            case 2, 3 -> 2;
            case 4, 5, 6 -> 4;
            case 10, 11, 12 -> 8;
            default -> throw refused("gives '%s' the type %d, which GGUF has not".formatted(key, type));
        };
    }

    private String text(String where) {
        long length = count("the length of " + where);
        if (length > file.byteSize() - at) {
            throw cut(where);
        }
        byte[] bytes = file.asSlice(advance(length, where), length).toArray(ValueLayout.JAVA_BYTE);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private int int32(String where) {
        return file.get(INT, advance(Integer.BYTES, where));
    }

    /// A number that a valid file has no more of than bytes.
    private long count(String where) {
        long count = file.get(LONG, advance(Long.BYTES, where));
        if (count < 0 || count > file.byteSize()) {
            throw refused("gives %s as %s, and the file has %d bytes"
                    .formatted(where, Long.toUnsignedString(count), file.byteSize()));
        }
        return count;
    }

    private long advance(long bytes, String where) {
        if (bytes > file.byteSize() - at) {
            throw cut(where);
        }
        long from = at;
        at += bytes;
        return from;
    }

    private BowlineException cut(String where) {
        return refused("is cut short: it ends inside %s, at byte %d".formatted(where, at));
    }

    private BowlineException refused(String problem) {
        return new BowlineException("%s %s".formatted(path, problem), "copy or export the file again");
    }
}
