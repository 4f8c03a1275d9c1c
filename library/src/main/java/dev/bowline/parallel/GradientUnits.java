package dev.bowline.parallel;

import dev.bowline.nn.Layer;
import dev.bowline.nn.Parameter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/// The trained parameters in the order in which their gradients are complete, from the last unit to the first: the
/// units
/// are what lies outside of the layers, then each layer.
///
/// @param units of parameters; a parameter is in one unit, and a unit may have none
public record GradientUnits(List<List<Parameter>> units) {

    public GradientUnits {
        units = units.stream().map(List::copyOf).toList();
    }

    /// @param trained every trained parameter, once
    /// @param layers of the model
    public static GradientUnits of(Collection<Parameter> trained, List<Layer> layers) {
        Set<Parameter> outside = Collections.newSetFromMap(new IdentityHashMap<>());
        outside.addAll(trained);
        List<List<Parameter>> units = new ArrayList<>();
        for (Layer layer : layers) {
            units.add(
                    layer.parameters().values().stream().filter(outside::remove).toList());
        }
        units.addFirst(trained.stream().filter(outside::contains).toList());
        return new GradientUnits(units);
    }
}
