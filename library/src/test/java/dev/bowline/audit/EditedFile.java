package dev.bowline.audit;

import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/// A .safetensors file taken apart, to be written again with something changed, whether the format allows it or not.
public final class EditedFile {

    private static final String OFFSETS = "data_offsets";

    private final Path path;
    private JsonObject header;
    private byte[] data;

    public EditedFile(Path path) throws IOException {
        this.path = path;
        byte[] whole = Files.readAllBytes(path);
        int length = Math.toIntExact(
                ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong());
        header = Json.parse(new String(whole, Long.BYTES, length, StandardCharsets.UTF_8), "header")
                .asObject();
        data = Arrays.copyOfRange(whole, Long.BYTES + length, whole.length);
    }

    public EditedFile header(UnaryOperator<JsonObject> edit) {
        header = edit.apply(header);
        return this;
    }

    EditedFile rename(String from, String to) {
        return header(before -> before.without(from).with(to, before.requireObject(from)));
    }

    /// Bytes after those of every tensor.
    public EditedFile append(int bytes) {
        data = Arrays.copyOf(data, data.length + bytes);
        return this;
    }

    /// Bytes before those of every tensor.
    EditedFile push(int bytes) {
        byte[] pushed = new byte[data.length + bytes];
        System.arraycopy(data, 0, pushed, bytes, data.length);
        data = pushed;
        header.fields().keySet().stream()
                .filter(key -> !key.equals("__metadata__"))
                .forEach(key -> move(key, bytes));
        return this;
    }

    /// Says of one tensor that its bytes are elsewhere.
    public EditedFile move(String key, long bytes) {
        JsonObject tensor = header.requireObject(key);
        return header(before -> before.with(key, at(tensor, offsets(tensor).getFirst() + bytes)));
    }

    /// One more tensor, as it is in another file.
    EditedFile add(String key, EditedFile other) {
        return add(key, key, other);
    }

    /// One more tensor, with the bytes of another.
    EditedFile copy(String from, String to) {
        return add(from, to, this);
    }

    private EditedFile add(String from, String to, EditedFile other) {
        JsonObject tensor = other.header.requireObject(from);
        List<Long> range = offsets(tensor);
        byte[] bytes =
                Arrays.copyOfRange(other.data, Math.toIntExact(range.getFirst()), Math.toIntExact(range.getLast()));
        int end = data.length;
        header = header.with(to, at(tensor, end));
        append(bytes.length);
        System.arraycopy(bytes, 0, data, end, bytes.length);
        return this;
    }

    /// A tensor of no elements; what it had is under another name.
    EditedFile empty(String key) {
        JsonObject tensor = header.requireObject(key);
        JsonValue start = JsonValue.of(offsets(tensor).getFirst());
        JsonObject empty = tensor.with("shape", JsonValue.of(List.of(JsonValue.of(0L))))
                .with(OFFSETS, JsonValue.of(List.of(start, start)));
        return header(before -> before.with("spare.weight", tensor).with(key, empty));
    }

    /// One row of a matrix of 32-bit floats, all of one value.
    EditedFile fillRow(String key, int row, float value) {
        ByteBuffer bytes = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
        int start = Math.toIntExact(offsets(header.requireObject(key)).getFirst());
        for (int i = row * CheckpointFixture.WIDTH; i < (row + 1) * CheckpointFixture.WIDTH; i++) {
            bytes.putFloat(start + i * Float.BYTES, value);
        }
        return this;
    }

    public void write() throws IOException {
        byte[] text = Json.compact(header).getBytes(StandardCharsets.UTF_8);
        ByteBuffer whole =
                ByteBuffer.allocate(Long.BYTES + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        Files.write(path, whole.putLong(text.length).put(text).put(data).array());
    }

    private static List<Long> offsets(JsonObject tensor) {
        return tensor.requireArray(OFFSETS).longs();
    }

    /// The same tensor from another byte on.
    private static JsonObject at(JsonObject tensor, long begin) {
        List<Long> range = offsets(tensor);
        JsonArray moved =
                JsonValue.of(List.of(JsonValue.of(begin), JsonValue.of(begin + range.getLast() - range.getFirst())));
        return tensor.with(OFFSETS, moved);
    }
}
