package dev.bowline.parallel;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.Consumer;

/// A part of a model whose values are gathered and freed together: a decoder layer, or everything outside of the
/// layers.
final class ShardedUnit implements AutoCloseable {

    private final int index;
    private final List<ShardedFlat> flats = new ArrayList<>();
    private boolean gathered;

    /// @param parameters with their values, by canonical name; may be none
    /// @param require receives this unit before each use of a value
    ShardedUnit(int index, ProcessGroup group, Map<String, Parameter> parameters, Consumer<ShardedUnit> require) {
        this.index = index;
        Map<Dtype, SequencedMap<String, Parameter>> byDtype = new LinkedHashMap<>();
        parameters.forEach((name, parameter) -> byDtype.computeIfAbsent(parameter.dtype(), _ -> new LinkedHashMap<>())
                .put(name, parameter));
        byDtype.values().forEach(some -> flats.add(new DenseFlat(group, some, () -> require.accept(this))));
    }

    /// Adds the weights of experts that ranks share.
    void add(ExpertFlat experts) {
        flats.add(experts);
    }

    int index() {
        return index;
    }

    List<ShardedFlat> flats() {
        return flats;
    }

    boolean isGathered() {
        return gathered;
    }

    /// Fills the values on every rank, unless they are there.
    void gather() {
        if (!gathered) {
            flats.forEach(ShardedFlat::gather);
            gathered = true;
        }
    }

    /// Fills the values on the first rank. Every rank calls this method.
    void gatherOnFirst(ProcessGroup group) {
        flats.forEach(ShardedFlat::gatherOnFirst);
        gathered = group.isFirst();
    }

    /// Frees the values.
    void release() {
        if (gathered) {
            gathered = false;
            flats.forEach(ShardedFlat::release);
        }
    }

    @Override
    public void close() {
        flats.forEach(ShardedFlat::close);
    }
}
