package dev.bowline.nn;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A node of the model tree. Its path is its name in a Hugging Face state dict.
public abstract class Layer {

    private final String path;
    private final List<Layer> children = new ArrayList<>();
    private final List<Slot> slots = new ArrayList<>();

    /// @param path the dotted name from the root; empty for the root itself
    protected Layer(String path) {
        this.path = path;
    }

    public final String path() {
        return path;
    }

    /// The dotted name of something inside this layer.
    protected final String path(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    protected final <L extends Layer> L child(L layer) {
        children.add(layer);
        return layer;
    }

    /// Puts `replacement` where `old` was; nothing in the tree reaches `old` afterwards. The caller re-ties what stood
    /// for a slot of `old`.
    protected final <L extends Layer> L replaceChild(Layer old, L replacement) {
        if (!Collections.replaceAll(children, old, replacement)) {
            throw new IllegalArgumentException("'%s' is not a child of '%s'".formatted(old.path, path));
        }
        return replacement;
    }

    protected final Slot weight(String name, long... shape) {
        return slot(name, SlotRole.BASE, shape);
    }

    protected final Slot buffer(String name, long... shape) {
        return slot(name, SlotRole.BUFFER, shape);
    }

    private Slot slot(String name, SlotRole role, long... shape) {
        Slot slot = new Slot(path(name), role, shape);
        slots.add(slot);
        return slot;
    }

    public final List<Layer> children() {
        return Collections.unmodifiableList(children);
    }

    /// Every slot below this layer by path, in tree order.
    public final Map<String, Slot> slots() {
        Map<String, Slot> all = new LinkedHashMap<>();
        collect(all);
        return all;
    }

    /// The slots of one role below this layer by path, in tree order.
    public final Map<String, Slot> slots(SlotRole role) {
        Map<String, Slot> chosen = slots();
        chosen.values().removeIf(slot -> slot.role() != role);
        return chosen;
    }

    private void collect(Map<String, Slot> all) {
        for (Slot slot : slots) {
            if (all.put(slot.path(), slot) != null) {
                throw new IllegalStateException("two slots are called '%s'".formatted(slot.path()));
            }
        }
        children.forEach(child -> child.collect(all));
    }

    /// Every value below this layer once, by the path of the slot that owns it, however many slots reach it.
    public final Map<String, Parameter> parameters() {
        Map<String, Parameter> distinct = new LinkedHashMap<>();
        slots().forEach((name, slot) -> {
            if (!slot.isTied()) {
                distinct.put(name, slot.get());
            }
        });
        return distinct;
    }

    /// Every value the optimizer may update, once each.
    public final Map<String, Parameter> trainable() {
        Map<String, Parameter> trained = new LinkedHashMap<>();
        parameters().forEach((name, parameter) -> {
            if (parameter.requiresGrad()) {
                trained.put(name, parameter);
            }
        });
        return trained;
    }
}
