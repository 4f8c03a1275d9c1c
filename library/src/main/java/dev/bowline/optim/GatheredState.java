package dev.bowline.optim;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import org.bytedeco.pytorch.Tensor;

/// Whole state tensors of an optimizer, as `<parameter>.<name>`.
///
/// @param tensors empty on a rank other than the first, if the tensors were gathered
/// @param free frees them, if they are not the optimizer's own
public record GatheredState(SequencedMap<String, Tensor> tensors, Runnable free) implements AutoCloseable {

    public GatheredState {
        tensors = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(tensors));
    }

    /// Tensors that an optimizer owns.
    public static GatheredState of(Map<String, Tensor> own) {
        return new GatheredState(new LinkedHashMap<>(own), () -> {});
    }

    /// Tensors that the result owns.
    public static GatheredState owning(SequencedMap<String, Tensor> gathered) {
        return new GatheredState(gathered, () -> gathered.values().forEach(Tensor::close));
    }

    @Override
    public void close() {
        free.run();
    }
}
