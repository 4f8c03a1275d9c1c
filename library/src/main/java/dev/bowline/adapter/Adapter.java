package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Embedding;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/// One adapter of a model: its settings, the modules that it changes, and its values. [Adapters] owns it.
public final class Adapter {

    private final LanguageModel model;
    private final Embedding tokens;
    private final Linear head;
    private final String name;
    private final LoraConfig config;
    private final List<AdapterPart> parts;
    private final SequencedMap<String, Slot> slots = new LinkedHashMap<>();

    Adapter(LanguageModel model, String name, LoraConfig config, List<AdapterPart> parts) {
        this.model = model;
        tokens = model.decoder().tokens();
        head = model.head().linear();
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

    /// Writes the adapter as PEFT does: `adapter_config.json` and `adapter_model.safetensors`, whole or not
    /// at all.
    ///
    /// @param directory absent or empty
    /// @param record of the base
    public void save(Path directory, AdapterRecord record) {
        try (Arena arena = Arena.ofConfined();
                TensorScope _ = TensorScope.open()) {
            AdapterFiles.write(directory, savedConfig(), record, tensors(arena));
        }
    }

    /// The settings with the modules by name, as PEFT must read them.
    public LoraConfig savedConfig() {
        return AdapterSettings.explicit(model, config, modules());
    }

    /// The tensors of the adapter's file. They refer to the present values, in the caller's [TensorScope].
    ///
    /// @param arena owner of values whose order in the file is another
    public List<TensorSource> tensors(Arena arena) {
        return parts.stream().flatMap(part -> part.store(arena).stream()).toList();
    }

    /// @throws BowlineException if the model was given other layers since the adapter was attached
    void requirePresentLayers() {
        if (model.decoder().tokens() != tokens || model.head().linear() != head) {
            throw new BowlineException(
                    "the adapter '%s' was attached before the model was resized or its decoder replaced"
                            .formatted(name),
                    "detach it, and attach an adapter of the present model");
        }
    }

    List<AdapterPart> parts() {
        return parts;
    }

    void close() {
        parts.forEach(AdapterPart::close);
    }
}
