package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.Parameter;
import dev.bowline.parallel.StateSlices.Slice;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Parameters that every rank has whole, of which each rank updates a part and gets the other parts.
final class ReplicatedMemory implements SliceMemory {

    /// The most elements that travel at once from each rank.
    private static final long CHUNK = 4 << 20;

    private final ProcessGroup group;
    private final StateSlices slices;
    private final List<Dtype> dtypes;

    ReplicatedMemory(ProcessGroup group, Map<String, Parameter> trainable) {
        this.group = group;
        slices = StateSlices.of(trainable, group.worldSize());
        dtypes = trainable.values().stream().map(Parameter::dtype).distinct().toList();
    }

    @Override
    public StateSlices slices() {
        return slices;
    }

    @Override
    public Tensor values(Slice slice) {
        return slice.parameter().value().detach().view(-1).narrow(0, slice.from(), slice.length());
    }

    @Override
    public Optional<Tensor> gradient(Slice slice) {
        return slice.parameter().gradient().map(gradient -> gradient.view(-1).narrow(0, slice.from(), slice.length()));
    }

    /// Gives every rank the values that the others updated. Each rank sends as many elements as the one with the most,
    /// so that the exchange is one gather for each chunk.
    @Override
    public void updated() {
        for (Dtype dtype : dtypes) {
            List<ElementRuns> runs = new ArrayList<>();
            long most = 0;
            for (int rank = 0; rank < group.worldSize(); rank++) {
                ElementRuns ofRank = ElementRuns.of(slices.of(rank), dtype);
                runs.add(ofRank);
                most = Math.max(most, ofRank.elements());
            }
            for (long from = 0; from < most; from += CHUNK) {
                exchange(runs, from, Math.min(CHUNK, most - from), dtype);
            }
        }
    }

    @Override
    public void onFirst(StateParts state, Runnable work) {
        new ServedValues(group, List.of(), Optional.of(state)).onFirst(work);
    }

    private void exchange(List<ElementRuns> runs, long from, long length, Dtype dtype) {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Tensor mine = Ops.empty(Device.CPU, dtype, length);
            runs.get(group.rank())
                    .forEach(
                            from,
                            length,
                            (values, at) -> mine.narrow(0, at, values.numel()).copy_(values));
            Tensor all = Ops.empty(Device.CPU, dtype, group.worldSize(), length);
            group.allGather(all, mine).await();
            for (int rank = 0; rank < group.worldSize(); rank++) {
                if (rank != group.rank()) {
                    Tensor theirs = all.select(0, rank);
                    runs.get(rank)
                            .forEach(from, length, (values, at) -> values.copy_(theirs.narrow(0, at, values.numel())));
                }
            }
        }
    }
}
