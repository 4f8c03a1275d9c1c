package dev.bowline.checkpoint;

import dev.bowline.safetensors.WeightFiles;
import dev.bowline.statedict.KeyMap;
import dev.bowline.statedict.WeightRule;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;

/// The keys of one checkpoint, mapped once with the rules and slot names of one architecture.
final class MappedKeys {

    private final WeightFiles weights;
    private final List<WeightRule> rules;
    private final List<String> slots;
    private final KeyMap keys;
    private Optional<KeyMap> keysWithoutTensor = Optional.empty();

    MappedKeys(WeightFiles weights, SequencedSet<String> held, List<WeightRule> rules, SequencedSet<String> slots) {
        this.weights = weights;
        this.rules = List.copyOf(rules);
        this.slots = List.copyOf(slots);
        keys = KeyMap.of(rules, held, slots);
    }

    /// True if these are the keys mapped with `otherRules` to `otherSlots`.
    boolean isFor(List<WeightRule> otherRules, SequencedSet<String> otherSlots) {
        return rules.equals(otherRules) && slots.equals(List.copyOf(otherSlots));
    }

    /// The keys of the tensors in the files.
    KeyMap keys() {
        return keys;
    }

    /// The keys that the index lists and no file has. A load that fails for another reason never maps them.
    synchronized KeyMap keysWithoutTensor() {
        if (keysWithoutTensor.isEmpty()) {
            keysWithoutTensor = Optional.of(KeyMap.of(rules, weights.unheld().sequencedKeySet(), slots));
        }
        return keysWithoutTensor.get();
    }
}
