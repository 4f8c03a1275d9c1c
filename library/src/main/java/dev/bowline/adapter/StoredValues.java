package dev.bowline.adapter;

import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Shapes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/// The present values of a slot, to be written to an adapter's file.
final class StoredValues {

    private StoredValues() {}

    /// The values under PEFT's key.
    static TensorSource source(Slot slot) {
        return source(AdapterKey.PREFIX + slot.path(), slot.tensor());
    }

    /// Values under a key of the file.
    static TensorSource source(String key, Tensor values) {
        return new TensorSource(
                key, type(key, values), Arrays.stream(Shapes.of(values)).boxed().toList(), bytes(values));
    }

    static SafetensorsType type(Slot slot) {
        return type(slot.path(), slot.tensor());
    }

    private static SafetensorsType type(String name, Tensor values) {
        Dtype dtype = Dtype.of(values.scalar_type());
        return switch (dtype) {
            case FLOAT64 -> SafetensorsType.F64;
            case FLOAT32 -> SafetensorsType.F32;
            case FLOAT16 -> SafetensorsType.F16;
            case BFLOAT16 -> SafetensorsType.BF16;
            case INT64, INT32, INT16, INT8, UINT8, BOOL, FLOAT8_E4M3, FLOAT8_E5M2 ->
                throw new IllegalStateException("the values of '%s' are %s".formatted(name, dtype));
        };
    }

    /// The bytes, valid in the caller's scope.
    static MemorySegment bytes(Slot slot) {
        return bytes(slot.tensor());
    }

    private static MemorySegment bytes(Tensor values) {
        return HostTensors.bytes(Device.CPU.place(values.detach()).contiguous());
    }
}
