package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.tensor.Dtype;
import java.util.Map;
import java.util.Optional;

/// The file's element types as libtorch's, and back.
public final class ElementTypes {

    private static final Map<SafetensorsType, Dtype> DTYPES = Map.ofEntries(
            Map.entry(SafetensorsType.F64, Dtype.FLOAT64),
            Map.entry(SafetensorsType.F32, Dtype.FLOAT32),
            Map.entry(SafetensorsType.F16, Dtype.FLOAT16),
            Map.entry(SafetensorsType.BF16, Dtype.BFLOAT16),
            Map.entry(SafetensorsType.I64, Dtype.INT64),
            Map.entry(SafetensorsType.I32, Dtype.INT32),
            Map.entry(SafetensorsType.I16, Dtype.INT16),
            Map.entry(SafetensorsType.I8, Dtype.INT8),
            Map.entry(SafetensorsType.U8, Dtype.UINT8),
            Map.entry(SafetensorsType.BOOL, Dtype.BOOL),
            Map.entry(SafetensorsType.F8_E4M3, Dtype.FLOAT8_E4M3),
            Map.entry(SafetensorsType.F8_E5M2, Dtype.FLOAT8_E5M2));

    private ElementTypes() {}

    /// Empty for the unsigned types that libtorch cannot compute with.
    public static Optional<Dtype> dtype(SafetensorsType type) {
        return Optional.ofNullable(DTYPES.get(type));
    }

    public static SafetensorsType stored(Dtype dtype) {
        return DTYPES.entrySet().stream()
                .filter(entry -> entry.getValue() == dtype)
                .map(Map.Entry::getKey)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("safetensors cannot store " + dtype));
    }

    /// The dtype of a tensor that a weight can be read from directly: a quantised one would need scales next to
    /// it.
    public static Dtype weightDtype(TensorEntry entry) {
        return switch (entry.type()) {
            case F64 -> Dtype.FLOAT64;
            case F32 -> Dtype.FLOAT32;
            case F16 -> Dtype.FLOAT16;
            case BF16 -> Dtype.BFLOAT16;
            case F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL ->
                throw new BowlineException(
                        "tensor '%s' is stored as %s, which is not a weight's type: the checkpoint may be quantised"
                                .formatted(entry.name(), entry.type()),
                        "use the checkpoint in float32, bfloat16 or float16");
        };
    }

    static long[] shape(TensorEntry entry) {
        return entry.shape().stream().mapToLong(Long::longValue).toArray();
    }
}
