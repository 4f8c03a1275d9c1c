package dev.bowline.checkpoint;

import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightsFixture;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.UnaryOperator;

/// A checkpoint made from a fixture by changing what a test is about.
final class TinyCheckpoint {

    /// One tensor, in memory.
    record Tensor(SafetensorsType type, List<Long> shape, byte[] bytes) {}

    private final Path directory;
    private final SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    private final Path fixture;
    private JsonObject config;
    private long maxShardBytes = Long.MAX_VALUE;

    TinyCheckpoint(Path directory, String variant) {
        this(directory, Golden.directory("gemma4", variant));
    }

    TinyCheckpoint(Path directory, Path fixture) {
        this.directory = directory;
        this.fixture = fixture;
        config = Json.parse(fixture.resolve("config.json")).asObject();
        try (SafetensorsFile file = SafetensorsFile.open(fixture.resolve("model.safetensors"))) {
            file.entries()
                    .forEach((name, entry) -> tensors.put(
                            name,
                            new Tensor(
                                    entry.type(),
                                    entry.shape(),
                                    file.bytes(name).toArray(ValueLayout.JAVA_BYTE))));
        }
    }

    /// Adds a tensor that repeats another.
    TinyCheckpoint with(String name, String copied) {
        Tensor original = tensor(copied);
        tensors.put(
                name,
                new Tensor(original.type(), original.shape(), original.bytes().clone()));
        return this;
    }

    TinyCheckpoint with(String name, Tensor tensor) {
        tensors.put(name, tensor);
        return this;
    }

    TinyCheckpoint without(String name) {
        tensors.remove(name);
        return this;
    }

    TinyCheckpoint renamed(UnaryOperator<String> rename) {
        SequencedMap<String, Tensor> renamed = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> renamed.put(rename.apply(name), tensor));
        tensors.clear();
        tensors.putAll(renamed);
        return this;
    }

    /// Adds to one element of a float32 tensor.
    TinyCheckpoint changed(String name, int element, float by) {
        MemorySegment bytes = MemorySegment.ofArray(tensor(name).bytes());
        float before = bytes.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * element);
        bytes.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * element, before + by);
        return this;
    }

    /// Rounds every tensor, all of which are float32, to float16.
    TinyCheckpoint asFloat16() {
        tensors.replaceAll((_, old) -> {
            MemorySegment from = MemorySegment.ofArray(old.bytes());
            MemorySegment to = MemorySegment.ofArray(new byte[old.bytes().length / 2]);
            for (long i = 0; i < to.byteSize() / 2; i++) {
                float value = from.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
                to.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i, Float.floatToFloat16(value));
            }
            return new Tensor(SafetensorsType.F16, old.shape(), to.toArray(ValueLayout.JAVA_BYTE));
        });
        return this;
    }

    /// Keeps only the first rows of a matrix.
    TinyCheckpoint rows(String name, long rows) {
        Tensor old = tensor(name);
        long rowBytes = old.bytes().length / old.shape().getFirst();
        tensors.put(
                name,
                new Tensor(
                        old.type(),
                        List.of(rows, old.shape().get(1)),
                        java.util.Arrays.copyOf(old.bytes(), Math.toIntExact(rows * rowBytes))));
        return this;
    }

    /// Stores a bfloat16 tensor as float32, with values that bfloat16 cannot hold.
    TinyCheckpoint inFloat32(String name) {
        Tensor old = tensor(name);
        MemorySegment from = MemorySegment.ofArray(old.bytes());
        byte[] wide = new byte[old.bytes().length * 2];
        MemorySegment to = MemorySegment.ofArray(wide);
        for (int i = 0; i < old.bytes().length / 2; i++) {
            int bits = from.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i) << 16;
            to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, Float.intBitsToFloat(bits | 0x123));
        }
        tensors.put(name, new Tensor(SafetensorsType.F32, old.shape(), wide));
        return this;
    }

    TinyCheckpoint config(UnaryOperator<JsonObject> change) {
        config = change.apply(config);
        return this;
    }

    TinyCheckpoint flag(String level, boolean tied) {
        return config(old -> level.isEmpty()
                ? old.with("tie_word_embeddings", tied)
                : old.with(level, old.requireObject(level).with("tie_word_embeddings", JsonValue.of(tied))));
    }

    TinyCheckpoint sharded(long maxBytes) {
        maxShardBytes = maxBytes;
        return this;
    }

    Path write() throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve("config.json"), Json.pretty(config));
        Path generation = fixture.resolve("generation_config.json");
        if (Files.exists(generation)) {
            Files.copy(generation, directory.resolve("generation_config.json"));
        }
        List<TensorSource> sources = new ArrayList<>();
        tensors.forEach((name, tensor) -> sources.add(
                new TensorSource(name, tensor.type(), tensor.shape(), MemorySegment.ofArray(tensor.bytes()))));
        WeightsFixture.write(directory, sources, maxShardBytes);
        return directory;
    }

    Tensor tensor(String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("no tensor " + name);
        }
        return tensor;
    }
}
