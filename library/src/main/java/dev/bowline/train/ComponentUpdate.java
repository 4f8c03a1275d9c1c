package dev.bowline.train;

import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.WeightDistance;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// The change of the weights of one component in training.
///
/// @param component the component; a tied head belongs to the embeddings
/// @param trained the number of trained elements; a tied value counts once
/// @param frozen the number of frozen elements
/// @param relative ‖after − before‖ / ‖before‖ over the trained elements; 0 if none changed. For an
///     adapter, ‖ΔW‖ / ‖W‖ over the weights that the adapter changes
public record ComponentUpdate(Component component, long trained, long frozen, double relative) {

    /// The changes since `start`, the checkpoint that the model was loaded from. Buffers are never trained and do
    /// not count. An adapter is no weight of the model: with one, all of the model is frozen.
    static List<ComponentUpdate> since(Checkpoint start, LanguageModel model) {
        Map<String, WeightDistance> distances = WeightDistance.of(start, model);
        Map<Component, ComponentUpdate> counts = new EnumMap<>(Component.class);
        Map<Component, WeightDistance> sums = new EnumMap<>(Component.class);
        model.parameters().forEach((name, parameter) -> {
            if (parameter.role() == SlotRole.BASE) {
                Component component = model.component(name);
                counts.merge(component, counted(component, parameter), ComponentUpdate::plus);
                if (parameter.requiresGrad()) {
                    sums.merge(component, distances.getOrDefault(name, WeightDistance.NONE), WeightDistance::plus);
                }
            }
        });
        return counts.values().stream()
                .map(each -> each.moved(sums.getOrDefault(each.component(), WeightDistance.NONE)))
                .toList();
    }

    private static ComponentUpdate counted(Component component, Parameter parameter) {
        long elements = parameter.elements();
        return parameter.requiresGrad()
                ? new ComponentUpdate(component, elements, 0, 0)
                : new ComponentUpdate(component, 0, elements, 0);
    }

    ComponentUpdate plus(ComponentUpdate other) {
        return new ComponentUpdate(component, trained + other.trained, frozen + other.frozen, 0);
    }

    ComponentUpdate moved(WeightDistance distance) {
        return new ComponentUpdate(component, trained, frozen, distance.relative());
    }
}
