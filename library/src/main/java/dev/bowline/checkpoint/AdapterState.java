package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import org.bytedeco.pytorch.Tensor;

/// The adapter's values in a training checkpoint. The model's own files never have them.
final class AdapterState {

    private AdapterState() {}

    /// The file for the present values; empty for a model without an adapter.
    static StateFile file(LanguageModel model) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        StoredSlots.ofAdapter(model).forEach((name, slot) -> {
            if (!slot.isTied()) {
                tensors.put(name, slot.tensor());
            }
        });
        return new StateFile(
                TrainingState.ADAPTER_FILE_NAME,
                tensors.entrySet().stream()
                        .map(each -> StateSource.of(each.getKey(), each.getValue()))
                        .toList());
    }

    /// Fills the adapter of `model` from a training checkpoint.
    static void restore(Path directory, LanguageModel model) {
        SequencedMap<String, Slot> slots = StoredSlots.ofAdapter(model);
        slots.values().removeIf(Slot::isTied);
        Path path = directory.resolve(TrainingState.ADAPTER_FILE_NAME);
        if (slots.isEmpty() && !Files.exists(path)) {
            return;
        }
        try (TensorScope _ = TensorScope.open()) {
            SequencedMap<String, Tensor> tensors = Files.exists(path) ? StateFile.read(path) : new LinkedHashMap<>();
            requireSame(path, tensors, slots);
            tensors.forEach((name, tensor) -> slot(slots, name).get().materialize(tensor));
        }
    }

    private static void requireSame(Path path, SequencedMap<String, Tensor> tensors, SequencedMap<String, Slot> slots) {
        if (!tensors.keySet().equals(slots.keySet())) {
            throw new BowlineException(
                    "%s has the adapter tensors %s, but the model's adapter has %s"
                            .formatted(path, tensors.keySet(), slots.keySet()),
                    "resume with the adapter that this run trained");
        }
        tensors.forEach((name, tensor) -> {
            Slot slot = slot(slots, name);
            if (!slot.get().hasShape(Shapes.of(tensor))) {
                throw new BowlineException(
                        "%s: '%s' has shape %s, but the model's adapter has %s"
                                .formatted(path, name, Shapes.text(Shapes.of(tensor)), Shapes.text(slot.shape())),
                        "resume with the adapter that this run trained");
            }
        });
    }

    private static Slot slot(SequencedMap<String, Slot> slots, String name) {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw new IllegalArgumentException("no slot '%s'".formatted(name));
        }
        return slot;
    }
}
