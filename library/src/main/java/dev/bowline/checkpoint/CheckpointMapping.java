package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
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

/// The keys of one checkpoint mapped to the slots of one model.
///
/// A checkpoint computes the map of its keys once; every mapping to a model of the same architecture uses it.
public final class CheckpointMapping {

    private final Checkpoint checkpoint;
    private final LanguageModel model;
    private final SequencedMap<String, Slot> slots;
    private final MappedKeys mapped;

    private CheckpointMapping(
            Checkpoint checkpoint, LanguageModel model, SequencedMap<String, Slot> slots, MappedKeys mapped) {
        this.checkpoint = checkpoint;
        this.model = model;
        this.slots = slots;
        this.mapped = mapped;
    }

    /// @param model built from the checkpoint's config.json, with or without values
    /// @throws BowlineException if two keys are spellings of one slot, or a stack of experts has holes
    public static CheckpointMapping of(Checkpoint checkpoint, LanguageModel model) {
        SequencedMap<String, Slot> slots = StoredSlots.ofModel(model);
        return new CheckpointMapping(
                checkpoint, model, slots, checkpoint.mappedKeys(model.weightRules(), slots.sequencedKeySet()));
    }

    public Checkpoint checkpoint() {
        return checkpoint;
    }

    public LanguageModel model() {
        return model;
    }

    /// The slots of the model's own files, by name. An adapter's slots have no key.
    public SequencedMap<String, Slot> slots() {
        return slots;
    }

    /// The keys of the tensors in the files.
    public KeyMap keys() {
        return mapped.keys();
    }

    /// The keys that the index lists and no file has.
    KeyMap keysWithoutTensor() {
        return mapped.keysWithoutTensor();
    }

    /// Notes on the model's config.json and on the keys. A note changes nothing.
    List<String> notes() {
        return Stream.concat(model.notes().stream(), keys().notes().stream()).toList();
    }

    Slot slot(String name) {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw new IllegalArgumentException("no slot '%s'".formatted(name));
        }
        return slot;
    }

    /// The key whose tensor is all of `slot` and nothing else.
    public Optional<String> key(String slot) {
        return keys().groups().stream()
                .filter(group -> group.kind() == KeyGroup.Kind.SAME)
                .filter(group -> group.slots().getFirst().equals(slot))
                .map(group -> group.keys().getFirst())
                .findFirst();
    }

    /// The dtype in the files of every slot that is stored as one tensor and shares it with no other slot. A load
    /// can leave such a slot in the mapped file. Only headers are read.
    public Map<String, Dtype> wholeTensors() {
        Map<String, Dtype> whole = new HashMap<>();
        keys().groups().stream()
                .filter(group -> group.kind() == KeyGroup.Kind.SAME)
                .forEach(group -> ElementTypes.dtype(
                                checkpoint.entry(group.keys().getFirst()).type())
                        .ifPresent(dtype -> whole.put(group.slots().getFirst(), dtype)));
        return whole;
    }

    /// The dtype that a load chooses by default: the dtype in which most weights are stored. Bowline does not
    /// compute in float16, so float16 weights are loaded as float32, which represents each of their values.
    public Dtype loadDtype() {
        return ElementTypes.dtype(storedType()).filter(Dtype::computes).orElse(Dtype.FLOAT32);
    }

    /// The type that most bytes of the model's own tensors have in the files.
    public SafetensorsType storedType() {
        Map<SafetensorsType, Long> bytes = new EnumMap<>(SafetensorsType.class);
        for (KeyGroup group : keys().groups()) {
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
