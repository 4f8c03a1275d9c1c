package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.zip.CRC32C;
import org.bytedeco.pytorch.Tensor;

/// A safetensors file of a training checkpoint that is not part of the model's own files.
record StateFile(String fileName, List<StateSource> tensors) {

    private static final long CHUNK_BYTES = 64L << 20;

    long bytes() {
        return tensors.stream().mapToLong(StateSource::bytes).sum();
    }

    /// Writes the file and reads it back. A state without tensors has no file.
    void write(Path directory, CountedSave save) {
        if (tensors.isEmpty()) {
            return;
        }
        Map<String, CRC32C> checksums = new HashMap<>();
        List<TensorSource> sources = tensors.stream()
                .map(each -> source(each, checksums.computeIfAbsent(each.name(), _ -> new CRC32C())))
                .toList();
        Path path = directory.resolve(fileName);
        SafetensorsWriter.create(path, save.counted(sources), SafetensorsWriter.PYTORCH_METADATA, Set.of());
        try (SafetensorsFile written = SafetensorsFile.open(path)) {
            checksums.forEach((name, checksum) -> {
                if (checksum.getValue() != checksum(written.bytes(name))) {
                    throw new BowlineException(
                            "%s was written, but '%s' reads back differently".formatted(path, name),
                            "check the disk, then save again; nothing was left behind");
                }
            });
        }
    }

    private static long checksum(MemorySegment bytes) {
        CRC32C checksum = new CRC32C();
        update(checksum, bytes);
        return checksum.getValue();
    }

    private static void update(CRC32C checksum, MemorySegment bytes) {
        for (long done = 0; done < bytes.byteSize(); done += CHUNK_BYTES) {
            checksum.update(bytes.asSlice(done, Math.min(CHUNK_BYTES, bytes.byteSize() - done))
                    .asByteBuffer());
        }
    }

    /// Reads every tensor into memory of its own, which is the caller's.
    static SequencedMap<String, Tensor> read(Path path) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(path);
                ParallelReads reads = new ParallelReads()) {
            for (Map.Entry<String, TensorEntry> each : file.entries().entrySet()) {
                Dtype dtype = ElementTypes.dtype(each.getValue().type()).orElseThrow();
                Tensor tensor = Ops.empty(Device.CPU, dtype, ElementTypes.shape(each.getValue()));
                reads.run(HostTensors.bytes(tensor), (part, from) -> file.copy(each.getKey(), from, part));
                tensors.put(each.getKey(), tensor);
            }
            reads.await();
        }
        return tensors;
    }

    /// Views of every tensor of a mapped file, which nothing changes, in the caller's scope. A rank that has a part of
    /// a
    /// tensor reads that part only.
    ///
    /// @param file stays open while the views are used
    static SequencedMap<String, Tensor> views(SafetensorsFile file) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        file.entries().forEach((name, entry) -> {
            Dtype dtype = ElementTypes.dtype(entry.type()).orElseThrow();
            MemorySegment bytes = file.bytes(name);
            long[] shape = ElementTypes.shape(entry);
            boolean isAligned = bytes.address() % dtype.bytes() == 0;
            tensors.put(
                    name,
                    isAligned
                            ? HostTensors.readOnlyView(bytes, dtype, shape)
                            : HostTensors.copyOf(bytes, dtype, shape));
        });
        return tensors;
    }

    /// @param checksum of the values that are written
    private static TensorSource source(StateSource tensor, CRC32C checksum) {
        TensorBytes content = sink -> {
            try {
                tensor.values()
                        .accept(piece -> write(piece, bytes -> {
                            update(checksum, bytes);
                            sink.accept(bytes);
                        }));
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
        };
        return new TensorSource(tensor.name(), ElementTypes.stored(tensor.dtype()), tensor.shape(), content);
    }

    private static void write(Tensor piece, TensorBytes.Sink sink) {
        try {
            HostCopy.of(piece).writeTo(sink);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
