package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/// A safetensors file of a training checkpoint that is not part of the model's own files.
///
/// @param tensors contiguous, on any device, by name
record StateFile(String fileName, SequencedMap<String, Tensor> tensors) {

    long bytes() {
        return tensors.values().stream()
                .mapToLong(tensor -> tensor.numel() * tensor.element_size())
                .sum();
    }

    /// Writes the file and reads it back. A state without tensors has no file.
    void write(Path directory, CountedSave save) {
        if (tensors.isEmpty()) {
            return;
        }
        List<TensorSource> sources = tensors.entrySet().stream()
                .map(entry -> source(entry.getKey(), entry.getValue()))
                .toList();
        Path path = directory.resolve(fileName);
        SafetensorsWriter.create(path, save.counted(sources), SafetensorsWriter.PYTORCH_METADATA, Set.of());
        try (SafetensorsFile written = SafetensorsFile.open(path)) {
            tensors.forEach((name, tensor) -> {
                if (differs(tensor, written.bytes(name))) {
                    throw new BowlineException(
                            "%s was written, but '%s' reads back differently".formatted(path, name),
                            "check the disk, then save again; nothing was left behind");
                }
            });
        }
    }

    private static boolean differs(Tensor tensor, MemorySegment written) {
        try (TensorScope _ = TensorScope.open()) {
            return ParallelReads.differ(HostTensors.bytes(Device.CPU.place(tensor)), written);
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

    private static TensorSource source(String name, Tensor tensor) {
        return new TensorSource(
                name,
                ElementTypes.stored(Dtype.of(tensor.scalar_type())),
                Arrays.stream(Shapes.of(tensor)).boxed().toList(),
                HostCopy.of(tensor));
    }
}
