package dev.bowline.parallel;

import dev.bowline.nn.Parameter;
import dev.bowline.parallel.ShardGradients.Part;
import dev.bowline.parallel.ShardedFlat.Place;
import dev.bowline.parallel.StateSlices.Slice;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// The shares of a [ShardedModel].
final class ShardMemory implements SliceMemory {

    private final ShardedModel model;
    private final StateSlices slices;
    private final Map<Slice, Place> places = new HashMap<>();

    /// @param trainable the parameters of the model, each once
    ShardMemory(ShardedModel model, Map<String, Parameter> trainable) {
        this.model = model;
        Map<String, List<Slice>> byName = new HashMap<>();
        model.units().forEach(unit -> unit.flats().forEach(flat -> flat.addSlices(byName, places)));
        if (!byName.keySet().equals(trainable.keySet())) {
            throw new IllegalArgumentException("the trained parameters changed after they were divided: %s, now %s"
                    .formatted(byName.keySet(), trainable.keySet()));
        }
        List<Slice> all = new ArrayList<>();
        trainable.keySet().forEach(name -> all.addAll(Objects.requireNonNull(byName.get(name))));
        slices = new StateSlices(List.copyOf(all));
    }

    @Override
    public StateSlices slices() {
        return slices;
    }

    @Override
    public Tensor values(Slice slice) {
        return Objects.requireNonNull(places.get(slice)).values();
    }

    @Override
    public Optional<Tensor> gradient(Slice slice) {
        return model.summation().result().of(new Part(slice.name(), slice.from()));
    }

    @Override
    public void updated() {}

    @Override
    public void onFirst(StateParts state, Runnable work) {
        model.onFirst(Optional.of(state), work);
    }
}
