package dev.bowline.checkpoint;

import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/// The slots of a model by the files that store them. The role of a slot decides.
final class StoredSlots {

    private enum Files {
        MODEL,
        ADAPTER
    }

    private StoredSlots() {}

    /// The slots of the model's own files, by name, in the model's order.
    static SequencedMap<String, Slot> ofModel(LanguageModel model) {
        return in(Files.MODEL, model);
    }

    /// The slots of the adapter's file, by name, in the model's order.
    static SequencedMap<String, Slot> ofAdapter(LanguageModel model) {
        return in(Files.ADAPTER, model);
    }

    private static SequencedMap<String, Slot> in(Files files, LanguageModel model) {
        SequencedMap<String, Slot> slots = new LinkedHashMap<>();
        model.slots().forEach((name, slot) -> {
            if (of(slot.role()) == files) {
                slots.put(name, slot);
            }
        });
        return slots;
    }

    private static Files of(SlotRole role) {
        return switch (role) {
            case BASE, BUFFER -> Files.MODEL;
            case ADAPTER -> Files.ADAPTER;
        };
    }
}
