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

/// AdamW over the shares of a [ShardedModel].
record ShardedSettings(AdamW.Settings whole, ProcessGroup group, ShardedModel model) implements OptimizerSettings {

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
        return new SlicedAdamW(trainable, whole, group, kernels, new ShardMemory(model, trainable));
    }
}
