package dev.bowline.tensor;

import dev.bowline.BowlineException;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.global.torch.ScalarType;

/// An element type, with its name in Hugging Face configs.
public enum Dtype {
    FLOAT64("float64", ScalarType.Double, 8),
    FLOAT32("float32", ScalarType.Float, 4),
    FLOAT16("float16", ScalarType.Half, 2),
    BFLOAT16("bfloat16", ScalarType.BFloat16, 2),
    INT64("int64", ScalarType.Long, 8),
    INT32("int32", ScalarType.Int, 4),
    INT16("int16", ScalarType.Short, 2),
    INT8("int8", ScalarType.Char, 1),
    UINT8("uint8", ScalarType.Byte, 1),
    BOOL("bool", ScalarType.Bool, 1),
    FLOAT8_E4M3("float8_e4m3fn", ScalarType.Float8_e4m3fn, 1),
    FLOAT8_E5M2("float8_e5m2", ScalarType.Float8_e5m2, 1);

    private final String configName;
    private final ScalarType scalarType;
    private final int bytes;

    Dtype(String configName, ScalarType scalarType, int bytes) {
        this.configName = configName;
        this.scalarType = scalarType;
        this.bytes = bytes;
    }

    /// The spelling of `torch_dtype` and `dtype` in config.json.
    public String configName() {
        return configName;
    }

    public ScalarType scalarType() {
        return scalarType;
    }

    /// Bytes of one element.
    public int bytes() {
        return bytes;
    }

    /// True if models can compute in this dtype: float32 or bfloat16.
    public boolean computes() {
        return this == FLOAT32 || this == BFLOAT16;
    }

    public static Dtype of(ScalarType type) {
        for (Dtype dtype : values()) {
            if (dtype.scalarType.value == type.value) {
                return dtype;
            }
        }
        throw new IllegalArgumentException("no dtype for " + type);
    }

    /// Accepts `bfloat16` and `torch.bfloat16`.
    ///
    /// @throws BowlineException naming the dtypes that exist
    public static Dtype parse(String name) {
        String bare = name.startsWith("torch.") ? name.substring("torch.".length()) : name;
        return Arrays.stream(values())
                .filter(dtype -> dtype.configName.equals(bare))
                .findFirst()
                .orElseThrow(() -> new BowlineException(
                        "dtype '%s' is unknown".formatted(name),
                        "use one of "
                                + Arrays.stream(values()).map(Dtype::configName).collect(Collectors.joining(", "))));
    }
}
