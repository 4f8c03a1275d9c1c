package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Optimizer;
import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.optim.StateDtype;
import dev.bowline.optim.StateTensor;
import java.util.List;
import java.util.Map;

/// AdamW whose state is divided over the ranks (ZeRO stage 1): each rank keeps moments and master weights of a part of
/// the elements, updates this part, and gets the other parts from their ranks.
///
/// @param group the ranks, which stay the caller's
public record ZeroSettings(AdamW.Settings whole, ProcessGroup group) implements OptimizerSettings {

    @Override
    public OptimizerName name() {
        return whole.name();
    }

    @Override
    public StateDtype stateDtype() {
        return whole.stateDtype();
    }

    @Override
    public List<StateTensor> moments(long... shape) {
        return whole.moments(shape);
    }

    @Override
    public Optimizer create(Map<String, Parameter> trainable, KernelPolicy kernels) {
        return new SlicedAdamW(trainable, whole, group, kernels, new ReplicatedMemory(group, trainable));
    }
}
