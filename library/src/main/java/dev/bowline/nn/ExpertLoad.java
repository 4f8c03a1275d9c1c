package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// Counts how often each expert was chosen, in the passes given to [#during].
///
/// Every layer of experts reports to the count that is active on its thread. Without an active count, the report
/// costs nothing.
///
/// Shapes: N tokens, K experts per token.
public final class ExpertLoad {

    private record Count(ExpertLoad load, Optional<Tensor> tokens) {}

    private static final ScopedValue<Count> COUNTING = ScopedValue.newInstance();

    private final SequencedMap<String, long[]> chosen = new LinkedHashMap<>();

    /// Runs `pass` and counts the choices in it.
    ///
    /// @param tokens the indices of the tokens that count, int64; empty for all N
    public <T> T during(Optional<Tensor> tokens, Supplier<T> pass) {
        return ScopedValue.where(COUNTING, new Count(this, tokens)).call(pass::get);
    }

    /// The number of times that each expert was chosen, by the path of its layer, in the order in which the
    /// layers first ran.
    public SequencedMap<String, long[]> chosen() {
        return Collections.unmodifiableSequencedMap(chosen);
    }

    /// Reports the choices of a layer of experts.
    ///
    /// @param index [N, K] int64
    static void report(String layer, Tensor index, int experts) {
        if (COUNTING.isBound()) {
            Count count = COUNTING.get();
            count.load().add(layer, index, count.tokens(), experts);
        }
    }

    private void add(String layer, Tensor index, Optional<Tensor> tokens, int experts) {
        long[] sums = chosen.computeIfAbsent(layer, _ -> new long[experts]);
        try (TensorScope _ = TensorScope.open()) {
            Tensor counted = tokens.isPresent() ? index.index_select(0, tokens.get()) : index;
            Tensor counts = torch.bincount(counted.flatten(), new TensorOptional(), experts);
            LongBuffer each = HostTensors.bytes(Device.CPU.place(counts))
                    .asByteBuffer()
                    .order(ByteOrder.nativeOrder())
                    .asLongBuffer();
            for (int expert = 0; expert < experts; expert++) {
                sums[expert] += each.get(expert);
            }
        }
    }
}
