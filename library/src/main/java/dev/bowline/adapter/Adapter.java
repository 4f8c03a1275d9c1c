package dev.bowline.adapter;

import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/// One adapter of a model: its settings, the modules that it changes, and its values. [Adapters] owns it.
public final class Adapter {

    private final String name;
    private final LoraConfig config;
    private final List<AdapterPart> parts;
    private final SequencedMap<String, Slot> slots = new LinkedHashMap<>();

    Adapter(String name, LoraConfig config, List<AdapterPart> parts) {
        this.name = name;
        this.config = config;
        this.parts = List.copyOf(parts);
        parts.forEach(part -> part.slots().forEach(slot -> slots.put(slot.path(), slot)));
    }

    public String name() {
        return name;
    }

    public LoraConfig config() {
        return config;
    }

    /// The modules that the adapter changes, in the order of the model.
    public List<AdaptedModule> modules() {
        return parts.stream().map(AdapterPart::module).toList();
    }

    /// The slots of the adapter's values, by PEFT's names without the prefix `base_model.model.`. The pairs
    /// of experts are A [E, R, in] and B [E, out, R], in contrast to PEFT's files.
    public SequencedMap<String, Slot> slots() {
        return Collections.unmodifiableSequencedMap(slots);
    }

    /// The number of values that training updates.
    public long trainedValues() {
        return modules().stream().mapToLong(AdaptedModule::trainedValues).sum();
    }

    List<AdapterPart> parts() {
        return parts;
    }

    void close() {
        slots.values().stream().filter(slot -> !slot.isTied()).map(Slot::get).forEach(Parameter::close);
    }
}
