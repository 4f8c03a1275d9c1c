package dev.bowline.parallel;

import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// The pairwise sum of the gradients of micro-batches in float32, see [PairwiseSums].
final class PartialSums implements AutoCloseable {

    private final List<Parameter> parameters;
    private final PairwiseSums sums;

    PartialSums(List<Parameter> parameters) {
        this.parameters = List.copyOf(parameters);
        sums = new PairwiseSums(parameters.size());
    }

    /// Takes the gradients of one micro-batch away from the parameters and adds them.
    void add() {
        try (NoGradGuard _ = new NoGradGuard()) {
            sums.add(parameters.stream().map(PartialSums::taken).toList());
        }
    }

    private static Optional<Tensor> taken(Parameter parameter) {
        try (PointerScope _ = new PointerScope()) {
            Optional<Tensor> gradient = parameter.gradient();
            if (gradient.isEmpty()) {
                return Optional.empty();
            }
            Tensor wide = Ops.cast(gradient.get(), Dtype.FLOAT32);
            wide.retainReference();
            parameter.clearGradient();
            return Optional.of(wide);
        }
    }

    /// The sum over all micro-batches that were added, for each parameter. The caller owns the tensors, and this object
    /// is empty again.
    List<Optional<Tensor>> take() {
        return sums.take();
    }

    /// Frees all sums.
    @Override
    public void close() {
        sums.close();
    }
}
