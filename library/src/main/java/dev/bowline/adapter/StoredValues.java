package dev.bowline.adapter;

import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.HostTensors;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The present values of a slot, to be written to an adapter's file.
final class StoredValues {

    private StoredValues() {}

    /// The values under PEFT's key.
    static TensorSource source(Slot slot) {
        return new TensorSource(
                AdapterKey.PREFIX + slot.path(),
                type(slot),
                Arrays.stream(slot.shape()).boxed().toList(),
                bytes(slot));
    }

    static SafetensorsType type(Slot slot) {
        return switch (slot.get().dtype()) {
            case FLOAT64 -> SafetensorsType.F64;
            case FLOAT32 -> SafetensorsType.F32;
            case FLOAT16 -> SafetensorsType.F16;
            case BFLOAT16 -> SafetensorsType.BF16;
            case INT64, INT32, INT16, INT8, UINT8, BOOL, FLOAT8_E4M3, FLOAT8_E5M2 ->
                throw new IllegalStateException("the values of '%s' are %s"
                        .formatted(slot.path(), slot.get().dtype()));
        };
    }

    /// The bytes, valid in the caller's scope.
    static MemorySegment bytes(Slot slot) {
        return HostTensors.bytes(Device.CPU.place(slot.tensor().detach()).contiguous());
    }
}
