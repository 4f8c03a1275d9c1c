package dev.bowline.adapter.format;

import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/// The matrices of an adapter for one stacked weight of experts, in one form for every layout of files. The
/// delta of expert e is scale · Bₑ Aₑ, of the shape `[out, in]`.
///
/// @param parameter the stacked weight, such as `model.layers.0.mlp.experts.gate_up_proj`
/// @param type of the elements of both
/// @param a A `[experts, rank, in]`, contiguous, little-endian
/// @param b B `[experts, out, rank]`, contiguous, little-endian
public record ExpertPair(
        String parameter,
        long experts,
        long in,
        long out,
        long rank,
        SafetensorsType type,
        MemorySegment a,
        MemorySegment b) {

    public ExpertPair {
        if (a.byteSize() != experts * rank * in * type.bytes() || b.byteSize() != experts * out * rank * type.bytes()) {
            throw new IllegalArgumentException("%s: %d and %d bytes are not those of %d experts, [%d, %d], rank %d"
                    .formatted(parameter, a.byteSize(), b.byteSize(), experts, out, in, rank));
        }
    }

    /// The pair from the tensors that PEFT 0.19 and later write.
    ///
    /// @param a `[experts · rank, in]`, the experts' matrices one after the other
    /// @param b `[out, rank · experts]`, in each row the ranks one after the other
    /// @param arena owner of the copy of `b`
    public static ExpertPair ofPeft(
            String parameter,
            long experts,
            long in,
            long out,
            long rank,
            SafetensorsType type,
            MemorySegment a,
            MemorySegment b,
            Arena arena) {
        Permutation order = Permutation.of(new long[] {experts, out, rank}, 1, rank * experts, experts);
        return new ExpertPair(parameter, experts, in, out, rank, type, a, order.copy(b, type.bytes(), arena));
    }

    /// True if both matrices of an expert have a value other than zero.
    public boolean hasDelta(long expert) {
        return hasValue(a, expert * rank * in, rank * in) && hasValue(b, expert * out * rank, out * rank);
    }

    private boolean hasValue(MemorySegment values, long first, long count) {
        long width = type.bytes();
        ElementReader reader = ElementReader.of(type).orElseThrow();
        ByteBuffer bytes =
                values.asSlice(first * width, count * width).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < bytes.limit(); at += type.bytes()) {
            if (reader.value(bytes, at) != 0) {
                return true;
            }
        }
        return false;
    }

    /// The two tensors as PEFT 0.19 and later write them.
    ///
    /// @param module the wrapper that adapts the weight, such as `model.layers.0.mlp.experts.base_layer`
    /// @param arena owner of the copy of B
    public List<TensorSource> toPeft(String module, Arena arena) {
        Permutation order = Permutation.of(new long[] {out, rank, experts}, rank, 1, out * rank);
        String key = AdapterKey.PREFIX + module;
        return List.of(
                new TensorSource(key + ".lora_A.weight", type, List.of(experts * rank, in), a),
                new TensorSource(
                        key + ".lora_B.weight",
                        type,
                        List.of(out, rank * experts),
                        order.copy(b, type.bytes(), arena)));
    }
}
