package dev.bowline.optim;

import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// The hyperparameters of an optimizer, and the state that the optimizer keeps for each parameter.
public interface OptimizerSettings {

    OptimizerName name();

    /// The dtype of the moments.
    StateDtype stateDtype();

    /// The tensors that the optimizer keeps for a parameter of `shape`, master weights not included.
    List<StateTensor> moments(long... shape);

    /// @param trainable every value to update, each once, by its canonical name
    /// @param kernels fused kernels of the CPU, or plain operators of libtorch
    /// @throws dev.bowline.BowlineException if two names reach one tensor
    Optimizer create(Map<String, Parameter> trainable, KernelPolicy kernels);

    /// The tensors that the optimizer keeps for a parameter of `shape`: the moments, and master weights unless the
    /// parameter is float32.
    default List<StateTensor> layout(Dtype dtype, long... shape) {
        List<StateTensor> all = new ArrayList<>(moments(shape));
        if (dtype != Dtype.FLOAT32) {
            all.add(StateTensor.of(StateTensor.MASTER, Dtype.FLOAT32, shape));
        }
        return all;
    }

    /// Bytes of optimizer state for a parameter of `shape`. Scalars, such as the number of steps, are not counted.
    default long stateBytes(Dtype dtype, long... shape) {
        return layout(dtype, shape).stream()
                .filter(tensor -> !tensor.shape().isEmpty())
                .mapToLong(StateTensor::bytes)
                .sum();
    }
}
