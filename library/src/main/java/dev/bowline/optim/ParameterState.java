package dev.bowline.optim;

import dev.bowline.nn.Parameter;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// A parameter and the tensors that an optimizer keeps for it.
///
/// @param name canonical
/// @param tensors by the name of their [StateTensor]
record ParameterState(String name, Parameter parameter, Map<String, Tensor> tensors) {

    Tensor get(String tensor) {
        return Objects.requireNonNull(tensors.get(tensor));
    }

    Optional<Tensor> master() {
        return Optional.ofNullable(tensors.get(StateTensor.MASTER));
    }

    /// The float32 values that the optimizer updates: the master copy, or the parameter itself.
    Tensor weights() {
        return master().orElseGet(() -> parameter.value().detach());
    }

    /// Adds one to the number of steps.
    ///
    /// @return the number of steps, this one included, as a float32 scalar tensor
    Tensor countStep() {
        return get(StateTensor.STEP).add_(new Scalar(1.0));
    }
}
