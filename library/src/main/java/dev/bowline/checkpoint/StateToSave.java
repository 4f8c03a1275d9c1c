package dev.bowline.checkpoint;

import dev.bowline.json.JsonObject;
import java.util.List;

/// A [TrainingState] to save, whose tensors need not be in memory at once.
///
/// @param tensors optimizer moments and master weights; empty if they are not saved
/// @param state the rest, see [TrainingState#state]
public record StateToSave(List<StateSource> tensors, JsonObject state) {

    public StateToSave {
        tensors = List.copyOf(tensors);
    }

    /// A state whose tensors are in memory.
    static StateToSave of(TrainingState state) {
        return new StateToSave(
                state.tensors().entrySet().stream()
                        .map(each -> StateSource.of(each.getKey(), each.getValue()))
                        .toList(),
                state.state());
    }

    List<String> names() {
        return tensors.stream().map(StateSource::name).toList();
    }
}
