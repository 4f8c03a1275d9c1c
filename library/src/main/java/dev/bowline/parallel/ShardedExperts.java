package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.ExpertExchange;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.bytedeco.pytorch.Tensor;

/// The experts of one layer, which the ranks of a [ShardedModel] share.
final class ShardedExperts implements ExpertExchange {

    /// Runs a collective and remembers its failure.
    @FunctionalInterface
    interface Guard {
        void run(Runnable collective);
    }

    private final ProcessGroup group;
    private final int[] experts;
    private final int place;
    private final List<Stacks> sources = new ArrayList<>();
    private final BooleanSupplier active;
    private final Guard guard;

    /// @param count the number of experts of the layer
    /// @param active true while every rank computes
    ShardedExperts(
            ExpertRanks ranks, int count, ExpertFlat gateUp, ExpertFlat down, BooleanSupplier active, Guard guard) {
        group = ranks.sharing();
        place = ranks.part();
        this.active = active;
        this.guard = guard;
        int each = Math.ceilDiv(count, ranks.parts());
        experts = new int[ranks.parts()];
        for (int part = 0; part < experts.length; part++) {
            experts[part] = Math.clamp(count - (long) part * each, 0, each);
        }
        for (int source = 0; source < ranks.parts(); source++) {
            sources.add(new Stacks(gateUp.sources().get(source), down.sources().get(source)));
        }
    }

    @Override
    public boolean isActive() {
        return active.getAsBoolean();
    }

    @Override
    public int[] experts() {
        return experts.clone();
    }

    @Override
    public int place() {
        return place;
    }

    @Override
    public List<Stacks> sources() {
        return List.copyOf(sources);
    }

    @Override
    public long[] allGather(long[] mine) {
        List<long[]> all = new ArrayList<>(1);
        guard.run(() -> all.add(group.allGather(mine)));
        return all.getFirst();
    }

    @Override
    public Tensor allToAll(Tensor rows, long[] toEach, long[] fromEach) {
        long[] shape = Shapes.of(rows);
        shape[0] = Arrays.stream(fromEach).sum();
        Tensor received = Ops.empty(Device.CPU, Dtype.of(rows.scalar_type()), shape);
        guard.run(() ->
                group.allToAll(received, fromEach, rows.contiguous(), toEach).await());
        return received;
    }
}
