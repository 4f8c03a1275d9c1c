package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.GatedExperts;
import dev.bowline.nn.LayerPasses;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.GradientReduction.Share;
import dev.bowline.optim.OptimizerSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.GradMode;

/// The values of a model's trained parameters, divided over ranks (fully sharded data parallel, ZeRO stage 3): each
/// rank
/// keeps a share of every layer, and has a whole layer only while the layer computes.
///
/// The parts outside of the layers, such as the embedding and the head, are whole from the begin of a step to the end
/// of
/// its last backward pass. A tied head is the embedding and has one share.
///
/// This object owns the values. [#reduction] and [#settings] make the fine-tuning that uses them; closing the reduction
/// frees the shares, and the parameters have no values afterwards.
public final class ShardedModel implements LayerPasses, AutoCloseable {

    /// The index of the parts outside of the layers.
    private static final int ROOT = 0;

    private final ProcessGroup group;
    private final List<ShardedUnit> units = new ArrayList<>();
    private final ShardedSummation summation;
    private final Optional<ExpertRanks> experts;
    private Optional<ServedValues> served = Optional.empty();

    /// The first unit whose gradients of the present pass travelled, counted from the end.
    private int reduced;

    private Optional<RuntimeException> failure = Optional.empty();

    /// Takes the values of all parameters and keeps the share of this rank. Every rank has the same values.
    ///
    /// @param group the ranks, which stay the caller's
    /// @param root the trained parameters outside of the layers, by canonical name
    /// @param layers of the model, which may be none
    /// @param epSize the ranks that share the experts of a layer; divides the number of ranks. 1 if each rank
    ///     computes all experts.
    /// @throws dev.bowline.BowlineException if the ranks cannot divide the experts
    public ShardedModel(ProcessGroup group, Map<String, Parameter> root, List<ShardedLayer> layers, int epSize) {
        this.group = group;
        experts = epSize == 1 ? Optional.empty() : Optional.of(ExpertRanks.of(group, epSize));
        try {
            units.add(new ShardedUnit(ROOT, group, root, this::require));
            layers.forEach(this::add);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
        summation = new ShardedSummation(group, units, this);
    }

    private void add(ShardedLayer layer) {
        Map<String, Parameter> everywhere = new LinkedHashMap<>(layer.parameters());
        List<GatedExperts> shared = experts.isEmpty() ? List.of() : layer.trainedExperts();
        shared.forEach(each -> List.of(each.gateUp(), each.down()).forEach(stack -> everywhere.remove(stack.path())));
        ShardedUnit unit = new ShardedUnit(units.size(), group, everywhere, this::require);
        units.add(unit);
        shared.forEach(each -> share(each, unit));
    }

    private void share(GatedExperts layer, ShardedUnit unit) {
        ExpertRanks ranks = experts.orElseThrow();
        ExpertFlat gateUp = new ExpertFlat(ranks, layer.gateUp(), () -> requireServed(unit));
        unit.add(gateUp);
        ExpertFlat down = new ExpertFlat(ranks, layer.down(), () -> requireServed(unit));
        unit.add(down);
        layer.shareOver(new ShardedExperts(ranks, layer.count(), gateUp, down, () -> served.isEmpty(), this::guarded));
    }

    /// True if ranks share the experts of a layer.
    public boolean sharesExperts() {
        return units.stream().flatMap(unit -> unit.flats().stream()).anyMatch(ExpertFlat.class::isInstance);
    }

    /// The micro-batches of a rank: in each pass, the ranks compute consecutive ones.
    public static Share share(int rank, int worldSize, int microBatches) {
        return new Share(
                IntStream.range(0, microBatches)
                        .filter(each -> each % worldSize == rank)
                        .boxed()
                        .toList(),
                Math.ceilDiv(microBatches, worldSize));
    }

    /// The sums of the gradients, which each rank has for its share. The caller closes it, and closes this object so.
    public GradientReduction reduction() {
        return summation;
    }

    /// AdamW over the share of each rank.
    public OptimizerSettings settings(AdamW.Settings whole) {
        return new ShardedSettings(whole, group, this);
    }

    List<ShardedUnit> units() {
        return units;
    }

    ShardedSummation summation() {
        return summation;
    }

    private void require(ShardedUnit unit) {
        if (!unit.isGathered()) {
            requireServed(unit);
        }
    }

    /// Values of experts that ranks share are whole on the first rank at times, and on no other rank.
    private void requireServed(ShardedUnit unit) {
        if (served.isEmpty()) {
            throw new IllegalStateException(
                    "the values are divided over the ranks, and are whole only while their layer" + " computes");
        }
        served.get().fetch(unit);
    }

    private void gather(ShardedUnit unit) {
        if (served.isPresent()) {
            served.get().fetch(unit);
        } else {
            guarded(unit::gather);
        }
    }

    /// Remembers a failure, because libtorch passes the exception of a backward pass on without its type.
    private void guarded(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            failure = Optional.of(e);
            throw e;
        }
    }

    RuntimeException reason(RuntimeException seen) {
        return failure.orElse(seen);
    }

    @Override
    public void begin() {
        reduced = units.size();
        gather(units.get(ROOT));
    }

    @Override
    public void beforeForward(int layer) {
        gather(units.get(layer + 1));
    }

    @Override
    public void afterForward(int layer) {
        boolean isNeededNext = layer + 2 == units.size() && GradMode.is_enabled();
        if (!isNeededNext && served.isEmpty()) {
            units.get(layer + 1).release();
        }
    }

    @Override
    public void beforeBackward(int layer) {
        guarded(() -> reduceFrom(layer + 2));
        gather(units.get(layer + 1));
    }

    /// Ends a pass with gradients.
    void endPass() {
        reduceFrom(ROOT);
    }

    /// Sums the gradients of the units from `first` on that did not travel yet, the last unit first.
    private void reduceFrom(int first) {
        while (reduced > first) {
            reduced--;
            ShardedUnit unit = units.get(reduced);
            summation.reduce(unit);
            if (unit.index() != ROOT) {
                unit.release();
            }
        }
    }

    /// Frees all values but the shares.
    void release() {
        units.forEach(ShardedUnit::release);
    }

    /// Runs `work` on the first rank, see [GradientReduction#onFirst].
    ///
    /// @param state the optimizer's, if `work` may read it
    void onFirst(Optional<StateParts> state, Runnable work) {
        release();
        ServedValues values = new ServedValues(group, units, state);
        if (group.isFirst()) {
            served = Optional.of(values);
        }
        try {
            values.onFirst(work);
        } finally {
            served = Optional.empty();
            release();
        }
    }

    @Override
    public void close() {
        units.forEach(ShardedUnit::close);
        experts.ifPresent(ExpertRanks::close);
    }
}
