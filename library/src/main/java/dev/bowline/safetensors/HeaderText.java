package dev.bowline.safetensors;

import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;

/// Lays tensors out in a file and writes the header that says so.
///
/// @param tensors in the order of their bytes
/// @param bytes the length word and the header, padded with spaces to a multiple of 8
/// @param dataBytes how many bytes the tensors have in all
record HeaderText(List<TensorSource> tensors, ByteBuffer bytes, long dataBytes) {

    private static final int ALIGNMENT = 8;

    static HeaderText of(List<TensorSource> tensors, Map<String, String> metadata) {
        List<TensorSource> ordered = aligned(tensors);
        SequencedMap<String, JsonValue> fields = new LinkedHashMap<>();
        if (!metadata.isEmpty()) {
            SequencedMap<String, JsonValue> strings = new LinkedHashMap<>();
            metadata.forEach((key, value) -> strings.put(key, JsonValue.of(value)));
            fields.put(HeaderReader.METADATA, JsonObject.of(strings));
        }
        long position = 0;
        for (TensorSource tensor : ordered) {
            long end = Math.addExact(position, tensor.bytes());
            fields.put(
                    tensor.name(),
                    JsonObject.of()
                            .with("dtype", tensor.type().name())
                            .with("shape", JsonArray.ofLongs(tensor.shape()))
                            .with("data_offsets", JsonArray.ofLongs(List.of(position, end))));
            position = end;
        }
        return new HeaderText(ordered, padded(Json.compact(JsonObject.of(fields))), position);
    }

    /// The given order, unless that would start a tensor at a place its elements do not divide; then wider types
    /// come first, which keeps every start aligned.
    private static List<TensorSource> aligned(List<TensorSource> tensors) {
        Set<String> names = new HashSet<>();
        boolean isAligned = true;
        long position = 0;
        for (TensorSource tensor : tensors) {
            if (!names.add(tensor.name())) {
                throw new IllegalArgumentException("two tensors are called '" + tensor.name() + "'");
            }
            isAligned &= position % tensor.type().bytes() == 0;
            position = Math.addExact(position, tensor.bytes());
        }
        if (isAligned) {
            return List.copyOf(tensors);
        }
        Comparator<TensorSource> byWidth =
                Comparator.comparingInt(tensor -> tensor.type().bytes());
        return tensors.stream().sorted(byWidth.reversed()).toList();
    }

    private static ByteBuffer padded(String json) {
        byte[] text = json.getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(text, Math.ceilDiv(text.length, ALIGNMENT) * ALIGNMENT);
        Arrays.fill(padded, text.length, padded.length, (byte) ' ');
        if (padded.length > HeaderReader.MAX_HEADER_BYTES) {
            throw new IllegalArgumentException("a header of %d bytes exceeds the format's %d"
                    .formatted(padded.length, HeaderReader.MAX_HEADER_BYTES));
        }
        return ByteBuffer.allocate(Long.BYTES + padded.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(padded.length)
                .put(padded)
                .flip();
    }
}
