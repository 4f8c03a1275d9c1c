package dev.bowline.checkpoint;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Shapes;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/// A tensor of a training state to save, whose values are asked for when they are written.
///
/// @param name `<parameter>.<what>`
/// @param shape empty for a scalar
/// @param values gives the values from the first to the last to its argument, as contiguous tensors of `dtype`
public record StateSource(String name, Dtype dtype, List<Long> shape, Consumer<Consumer<Tensor>> values) {

    public StateSource {
        shape = List.copyOf(shape);
    }

    /// A contiguous tensor, on any device, which stays the caller's.
    static StateSource of(String name, Tensor tensor) {
        return new StateSource(
                name,
                Dtype.of(tensor.scalar_type()),
                Arrays.stream(Shapes.of(tensor)).boxed().toList(),
                piece -> piece.accept(tensor));
    }

    long bytes() {
        return shape.stream().reduce(1L, Math::multiplyExact) * dtype.bytes();
    }
}
