package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.Work;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.Gradients;
import dev.bowline.optim.StepGradients;
import dev.bowline.parallel.FlatLayout.Bucket;
import dev.bowline.parallel.FlatLayout.Slice;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Sums gradients with Gloo's allreduce, in the dtype of each parameter. The same number of ranks gives the same bits;
/// another number rounds in another way.
public final class FastSummation implements GradientReduction {

    private final ProcessGroup group;

    /// @param group the ranks, which stay the caller's
    public FastSummation(ProcessGroup group) {
        this.group = group;
    }

    @Override
    public Share share(int microBatches) {
        return new MicroBatchBlocks(group.worldSize()).of(group.rank(), microBatches);
    }

    @Override
    public void accumulated(Gradients gradients) {}

    @Override
    public double[] gather(double[] own, int microBatches) {
        MicroBatchBlocks blocks = new MicroBatchBlocks(group.worldSize());
        return group.worldSize() == 1
                ? own.clone()
                : MicroBatchValues.gather(group, own, microBatches, rank -> blocks.of(rank, microBatches));
    }

    @Override
    public StepGradients reduce(Gradients gradients) {
        if (group.worldSize() == 1) {
            return gradients;
        }
        try (NoGradGuard _ = new NoGradGuard()) {
            List<Parameter> parameters = List.copyOf(gradients.parameters().values());
            Presence presence = Presence.gather(group, present(parameters), parameters.size());
            Map<Dtype, List<Parameter>> byDtype = new LinkedHashMap<>();
            for (int i = 0; i < parameters.size(); i++) {
                if (presence.any(i)) {
                    byDtype.computeIfAbsent(parameters.get(i).dtype(), _ -> new ArrayList<>())
                            .add(parameters.get(i));
                }
            }
            byDtype.forEach(this::reduce);
        }
        return gradients;
    }

    @Override
    public void onFirst(Runnable work) {
        if (group.isFirst()) {
            work.run();
        }
    }

    private static BitSet present(List<Parameter> parameters) {
        BitSet present = new BitSet();
        try (TensorScope _ = TensorScope.open()) {
            for (int i = 0; i < parameters.size(); i++) {
                present.set(i, parameters.get(i).gradient().isPresent());
            }
        }
        return present;
    }

    /// The buckets travel while the next ones are filled.
    private void reduce(Dtype dtype, List<Parameter> parameters) {
        try (TensorScope _ = TensorScope.open()) {
            List<Bucket> buckets = FlatLayout.of(parameters).buckets();
            List<Tensor> gradients = parameters.stream()
                    .map(parameter -> parameter.gradientBuffer().view(-1))
                    .toList();
            List<Tensor> flats = new ArrayList<>();
            List<Work> travelling = new ArrayList<>();
            for (Bucket bucket : buckets) {
                Tensor flat = Ops.empty(Device.CPU, dtype, bucket.elements());
                for (Slice slice : bucket.slices()) {
                    flat.narrow(0, slice.at(), slice.length())
                            .copy_(gradients.get(slice.parameter()).narrow(0, slice.from(), slice.length()));
                }
                flats.add(flat);
                travelling.add(group.allReduce(flat));
            }
            for (int i = 0; i < buckets.size(); i++) {
                travelling.get(i).await();
                for (Slice slice : buckets.get(i).slices()) {
                    gradients
                            .get(slice.parameter())
                            .narrow(0, slice.from(), slice.length())
                            .copy_(flats.get(i).narrow(0, slice.at(), slice.length()));
                }
                flats.get(i).close();
            }
        }
    }

    @Override
    public void close() {}
}
