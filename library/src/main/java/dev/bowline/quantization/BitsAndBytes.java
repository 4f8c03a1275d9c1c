package dev.bowline.quantization;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Optional;

/// Quantised weights as bitsandbytes stores them in a state dict.
public final class BitsAndBytes {

    /// The suffix of the tensor next to an NF4 weight that has the JSON of its state.
    public static final String NF4_STATE = ".quant_state.bitsandbytes__nf4";

    private BitsAndBytes() {}

    /// The tensors next to one weight.
    @FunctionalInterface
    public interface Tensors {
        /// The bytes of a tensor.
        ///
        /// @param suffix of its name, after the name of the weight
        MemorySegment bytes(String suffix);
    }

    /// The format that a config.json names in `quantization_config`; empty for one that Bowline does not read.
    public static Optional<Quantization> format(JsonObject quantizationConfig) {
        if (quantizationConfig
                .optionalString("quant_method")
                .filter("bitsandbytes"::equals)
                .isEmpty()) {
            return Optional.empty();
        }
        if (quantizationConfig.optionalBoolean("load_in_8bit").orElse(false)) {
            return Optional.of(Quantization.INT8);
        }
        boolean isNf4 = quantizationConfig.optionalBoolean("load_in_4bit").orElse(false)
                && quantizationConfig
                        .optionalString("bnb_4bit_quant_type")
                        .filter("nf4"::equals)
                        .isPresent();
        return isNf4 ? Optional.of(Quantization.NF4) : Optional.empty();
    }

    /// A copy of an NF4 weight.
    ///
    /// @param name of the weight, for errors
    /// @param state the JSON of its state
    /// @param codes the bytes of the weight itself
    public static QuantizedMatrix nf4(String name, JsonObject state, MemorySegment codes, Tensors tensors) {
        long[] shape = shape(state);
        if (!Arrays.equals(floats(tensors.bytes(".quant_map")), Nf4.values())) {
            throw new BowlineException(
                    "'%s.quant_map' does not have the values of NF4".formatted(name),
                    "quantise the model again with bnb_4bit_quant_type nf4");
        }
        int blockSize = state.requireInt("blocksize");
        long blocks = Math.ceilDiv(shape[0] * shape[1], blockSize);
        try (TensorScope _ = TensorScope.open()) {
            return new Nf4Matrix(
                    shape[0],
                    shape[1],
                    blockSize,
                    copy(codes, Dtype.UINT8, Math.ceilDiv(shape[0] * shape[1], 2)),
                    scales(state, tensors, blocks));
        }
    }

    private static Nf4Scales scales(JsonObject state, Tensors tensors, long blocks) {
        if (state.get("nested_offset").isEmpty()) {
            return new Nf4Scales.Plain(copy(tensors.bytes(".absmax"), Dtype.FLOAT32, blocks));
        }
        int blockSize = state.requireInt("nested_blocksize");
        return new Nf4Scales.Nested(
                copy(tensors.bytes(".absmax"), Dtype.UINT8, blocks),
                copy(tensors.bytes(".nested_absmax"), Dtype.FLOAT32, Math.ceilDiv(blocks, blockSize)),
                floats(tensors.bytes(".nested_quant_map")),
                blockSize,
                (float) state.requireDouble("nested_offset"));
    }

    /// The rows and columns of an NF4 weight.
    public static long[] shape(JsonObject state) {
        return state.requireArray("shape").longs().stream()
                .mapToLong(Long::longValue)
                .toArray();
    }

    /// A copy of an int8 weight.
    ///
    /// @param scales `SCB`, the largest absolute value of each row in float32
    public static QuantizedMatrix int8(long rows, long columns, MemorySegment codes, MemorySegment scales) {
        try (TensorScope _ = TensorScope.open()) {
            return new Int8Matrix(copy(codes, Dtype.INT8, rows, columns), copy(scales, Dtype.FLOAT32, rows));
        }
    }

    private static OwnedTensor copy(MemorySegment bytes, Dtype dtype, long... shape) {
        return new OwnedTensor(HostTensors.copyOf(bytes, dtype, shape));
    }

    private static float[] floats(MemorySegment bytes) {
        return bytes.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }
}
