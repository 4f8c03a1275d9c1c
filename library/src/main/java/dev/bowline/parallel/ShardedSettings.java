package dev.bowline.parallel;

import dev.bowline.BowlineException;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Optimizer;
import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.optim.StateDtype;
import dev.bowline.optim.StateTensor;
import dev.bowline.parallel.StateSlices.Slice;
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
        ShardMemory memory = new ShardMemory(model, trainable);
        memory.slices().slices().forEach(this::requireBlocks);
        return new SlicedAdamW(trainable, whole, group, kernels, memory);
    }

    /// A slice has blocks of its own, in the format of the whole. A cut between experts may be inside of a block.
    private void requireBlocks(Slice slice) {
        StateTensor ofSlice = moments(slice.length()).getFirst();
        StateTensor ofWhole = moments(slice.parameter().shape()).getFirst();
        boolean isInside = whole.stateDtype() == StateDtype.INT8 && slice.from() % AdamW.BLOCK_OF_CODES != 0;
        if (isInside || ofSlice.dtype() != ofWhole.dtype()) {
            throw new BowlineException(
                    "optimizer.state_dtype: int8 has blocks of %d values, and rank %d has the values %d to %d of '%s'"
                            .formatted(
                                    AdamW.BLOCK_OF_CODES,
                                    slice.owner(),
                                    slice.from(),
                                    slice.from() + slice.length() - 1,
                                    slice.name()),
                    "write optimizer.state_dtype: bfloat16, or distributed.ep_size: 1");
        }
    }
}
