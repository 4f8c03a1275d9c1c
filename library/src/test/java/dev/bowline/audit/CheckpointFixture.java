package dev.bowline.audit;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.safetensors.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// A tiny checkpoint, written by hand: a config.json of few words and tensors of a few rows.
public final class CheckpointFixture {

    public static final int ROWS = 32;
    public static final int WIDTH = 8;

    /// One number per place.
    @FunctionalInterface
    public interface Values {
        double at(int row, int column);
    }

    public static final Values E = (i, j) -> ((i * 31 + j * 7) % 97 - 48) / 64.0;
    public static final Values H = (i, j) -> ((i * 17 + j * 13) % 89 - 44) / 64.0 + 1;

    private final SequencedMap<String, TensorSource> tensors = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>(Map.of("format", "pt"));
    private JsonObject config;
    private boolean sharded;
    private boolean complete;
    private String secondShard = "";

    public CheckpointFixture(String config) {
        this.config = Json.parse(config, "config").asObject();
    }

    public static CheckpointFixture llama(String flag) {
        return new CheckpointFixture("""
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 32%s}\
            """.formatted(flag.isEmpty() ? "" : ", \"tie_word_embeddings\":" + " " + flag));
    }

    public CheckpointFixture config(JsonObject changed) {
        config = changed;
        return this;
    }

    public JsonObject config() {
        return config;
    }

    public CheckpointFixture head(Values values) {
        return with("lm_head.weight", SafetensorsType.F32, ROWS, WIDTH, values);
    }

    public CheckpointFixture embedding(Values values) {
        return with("model.embed_tokens.weight", SafetensorsType.F32, ROWS, WIDTH, values);
    }

    public CheckpointFixture with(String name, SafetensorsType type, int rows, int width, Values values) {
        ByteBuffer bytes = ByteBuffer.allocate(rows * width * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < width; j++) {
                put(bytes, type, values.at(i, j));
            }
        }
        List<Long> shape = width == 1 ? List.of((long) rows) : List.of((long) rows, (long) width);
        tensors.put(name, new TensorSource(name, type, shape, TensorBytes.of(MemorySegment.ofArray(bytes.array()))));
        return this;
    }

    public CheckpointFixture metadata(String key, String value) {
        metadata.put(key, value);
        return this;
    }

    public CheckpointFixture sharded() {
        return sharded("lm_head.weight");
    }

    /// @param head the tensor that goes into the second shard
    public CheckpointFixture sharded(String head) {
        sharded = true;
        secondShard = head;
        return this;
    }

    /// Sets the flag of one level, which may be nested.
    public CheckpointFixture flag(String level, boolean tied) {
        config = level.isEmpty()
                ? config.with("tie_word_embeddings", tied)
                : config.with(level, config.requireObject(level).with("tie_word_embeddings", tied));
        return this;
    }

    /// Only what a test names: no norm is added.
    public CheckpointFixture complete() {
        complete = true;
        return this;
    }

    public CheckpointFixture zeros(String name, SafetensorsType type, List<Long> shape) {
        complete = true;
        long bytes = type.bytes();
        for (long dimension : shape) {
            bytes *= dimension;
        }
        tensors.put(
                name,
                new TensorSource(
                        name, type, shape, TensorBytes.of(MemorySegment.ofArray(new byte[Math.toIntExact(bytes)]))));
        return this;
    }

    private static void put(ByteBuffer bytes, SafetensorsType type, double value) {
        switch (type) {
            case F64 -> bytes.putDouble(value);
            case F32 -> bytes.putFloat((float) value);
            case F16 -> bytes.putShort(Float.floatToFloat16((float) value));
            case BF16 ->
                bytes.putShort((short) (Float.floatToRawIntBits((float) ElementReader.BF16.round(value)) >>> 16));
            case I32, U32 -> bytes.putInt((int) value);
            case I64, U64 -> bytes.putLong((long) value);
            case I16, U16 -> bytes.putShort((short) value);
            case F8_E4M3, F8_E5M2, I8, U8, BOOL -> bytes.put((byte) value);
        }
    }

    /// Two shards when asked: the head in the second, everything else in the first.
    public Path write(Path directory) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve("config.json"), Json.pretty(config));
        if (!complete) {
            tensors.putIfAbsent("model.norm.weight", norm());
        }
        if (!sharded) {
            SafetensorsWriter.write(
                    directory.resolve("model.safetensors"),
                    List.copyOf(tensors.values()),
                    metadata,
                    java.util.Set.of());
            return directory;
        }
        List<TensorSource> first = new ArrayList<>();
        List<TensorSource> second = new ArrayList<>();
        SequencedMap<String, String> map = new LinkedHashMap<>();
        long bytes = 0;
        for (TensorSource tensor : tensors.values()) {
            boolean isHead = tensor.name().equals(secondShard);
            (isHead ? second : first).add(tensor);
            map.put(tensor.name(), "model-0000%d-of-00002.safetensors".formatted(isHead ? 2 : 1));
            bytes += tensor.bytes();
        }
        if (second.isEmpty()) {
            second.add(new TensorSource(
                    "extra.weight",
                    SafetensorsType.F32,
                    List.of(1L),
                    TensorBytes.of(MemorySegment.ofArray(new byte[4]))));
            map.put("extra.weight", "model-00002-of-00002.safetensors");
            bytes += 4;
        }
        SafetensorsWriter.write(
                directory.resolve("model-00001-of-00002.safetensors"), first, metadata, java.util.Set.of());
        SafetensorsWriter.write(
                directory.resolve("model-00002-of-00002.safetensors"), second, metadata, java.util.Set.of());
        new ShardIndex(map, JsonObject.of().with("total_size", bytes))
                .write(directory.resolve("model.safetensors.index.json"));
        return directory;
    }

    private static TensorSource norm() {
        return new TensorSource(
                "model.norm.weight",
                SafetensorsType.F32,
                List.of((long) WIDTH),
                TensorBytes.of(MemorySegment.ofArray(new byte[WIDTH * 4])));
    }
}
