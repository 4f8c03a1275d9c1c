package dev.bowline.checkpoint;

import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Slot;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.statedict.KeyGroup;
import dev.bowline.statedict.KeyMap;
import dev.bowline.tensor.Dtype;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.Stream;

/// A checkpoint's keys beside a model's slots.
///
/// @param slots of the model, by name
/// @param keys what each key means to the model
record Correspondence(Checkpoint checkpoint, LanguageModel model, SequencedMap<String, Slot> slots, KeyMap keys) {

    static Correspondence of(Checkpoint checkpoint, LanguageModel model) {
        SequencedMap<String, Slot> slots = new LinkedHashMap<>(model.slots());
        KeyMap keys = KeyMap.of(model.weightRules(), checkpoint.keys(), slots.sequencedKeySet());
        return new Correspondence(checkpoint, model, slots, keys);
    }

    /// Notes on the model's config.json and the tensors' names that change nothing.
    List<String> notes() {
        return Stream.concat(model.notes().stream(), keys.notes().stream()).toList();
    }

    /// The meaning for the model of names that the index lists and no shard holds.
    KeyMap unheld() {
        return KeyMap.of(model.weightRules(), checkpoint.weights().unheld().sequencedKeySet(), slots.sequencedKeySet());
    }

    Slot slot(String name) {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw new IllegalArgumentException("no slot '%s'".formatted(name));
        }
        return slot;
    }

    /// The key that is `slot`, whole and alone.
    Optional<String> key(String slot) {
        return keys.groups().stream()
                .filter(group -> group.kind() == KeyGroup.Kind.SAME)
                .filter(group -> group.slots().getFirst().equals(slot))
                .map(group -> group.keys().getFirst())
                .findFirst();
    }

    /// The dtype of each slot that is one tensor in the files.
    Map<String, Dtype> wholeTensors() {
        Map<String, Dtype> whole = new HashMap<>();
        keys.groups().stream()
                .filter(group -> group.kind() == KeyGroup.Kind.SAME)
                .forEach(group -> ElementTypes.dtype(
                                checkpoint.entry(group.keys().getFirst()).type())
                        .ifPresent(dtype -> whole.put(group.slots().getFirst(), dtype)));
        return whole;
    }

    /// The type that most bytes of the model's own tensors have.
    SafetensorsType storedType() {
        Map<SafetensorsType, Long> bytes = new EnumMap<>(SafetensorsType.class);
        for (KeyGroup group : keys.groups()) {
            for (String key : group.keys()) {
                TensorEntry entry = checkpoint.entry(key);
                bytes.merge(entry.type(), entry.bytes(), Long::sum);
            }
        }
        return bytes.entrySet().stream()
                .max(Comparator.comparingLong(Map.Entry::getValue))
                .map(Map.Entry::getKey)
                .orElse(SafetensorsType.F32);
    }

    /// Refuses groups whose tensors do not have the shapes of their slots.
    void requireShapes(List<KeyGroup> groups) {
        Map<String, List<Long>> keyShapes = new LinkedHashMap<>();
        checkpoint.entries().forEach((key, entry) -> keyShapes.put(key, entry.shape()));
        Map<String, List<Long>> slotShapes = new LinkedHashMap<>();
        slots.forEach((name, slot) -> slotShapes.put(name, shape(slot)));
        groups.forEach(group -> group.requireShapes(checkpoint.directory().toString(), keyShapes, slotShapes));
    }

    private static List<Long> shape(Slot slot) {
        return java.util.Arrays.stream(slot.shape()).boxed().toList();
    }
}
