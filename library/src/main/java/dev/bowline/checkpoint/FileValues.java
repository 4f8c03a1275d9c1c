package dev.bowline.checkpoint;

import dev.bowline.quantization.QuantizedMatrix;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/// The values of a parameter in the mapped files, in float32, a piece at a time. Pages that were read leave the
/// memory of this process again.
///
/// @param parts of the parameter, one after another
/// @param stored their dtype
record FileValues(List<MemorySegment> parts, Dtype stored) implements QuantizedMatrix.Values {

    FileValues {
        parts = List.copyOf(parts);
    }

    @Override
    public Tensor of(long from, long count) {
        List<Tensor> read = new ArrayList<>();
        long position = 0;
        for (MemorySegment part : parts) {
            long values = part.byteSize() / stored.bytes();
            long begin = Math.max(from, position);
            long end = Math.min(from + count, position + values);
            if (begin < end) {
                read.add(float32(part.asSlice((begin - position) * stored.bytes(), (end - begin) * stored.bytes())));
            }
            position += values;
        }
        return read.size() == 1 ? read.getFirst() : Ops.cat(0, read.toArray(Tensor[]::new));
    }

    private Tensor float32(MemorySegment bytes) {
        long count = bytes.byteSize() / stored.bytes();
        Tensor values = stored == Dtype.FLOAT32
                ? HostTensors.copyOf(bytes, stored, count)
                : Ops.cast(HostTensors.view(bytes, stored, count), Dtype.FLOAT32);
        bytes.unload();
        return values;
    }
}
