package dev.bowline.statedict;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedCollection;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The meaning of every key of one checkpoint for one model, and the key under which each slot is saved.
///
/// Nothing is left out: a key fills slots, is ignored with a reason, is passed through, or is unknown; a slot is
/// filled or empty. Saving under [#keyOf] chooses the spelling that was read.
public final class KeyMap {

    private static final int SHOWN_PROBLEMS = 8;

    private final List<KeyGroup> groups;
    private final SequencedMap<String, String> ignored;
    private final SequencedMap<String, String> passedThrough;
    private final List<String> unknown;
    private final List<String> empty;
    private final Map<String, String> keys;
    private final SequencedCollection<KeyRename> used;
    private final List<String> notes;

    KeyMap(KeyMatching matching, Set<String> slots) {
        groups = List.copyOf(matching.groups());
        ignored = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(matching.ignored));
        passedThrough = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(matching.passedThrough));
        unknown = List.copyOf(matching.unknown);
        used = List.copyOf(matching.used);
        notes = matching.unprefixed.entrySet().stream()
                .map(each -> ("%d tensors were saved from the base class, without '%s' in front of their names; a save"
                                + " keeps the names")
                        .formatted(each.getValue(), each.getKey()))
                .toList();
        keys = new LinkedHashMap<>();
        Set<String> filled = new HashSet<>();
        for (KeyGroup group : groups) {
            filled.addAll(group.slots());
            if (group.kind() == KeyGroup.Kind.SAME) {
                keys.put(group.slots().getFirst(), group.keys().getFirst());
            }
        }
        empty = slots.stream().filter(slot -> !filled.contains(slot)).toList();
    }

    /// @param rules of the model's family
    /// @param keys of the checkpoint
    /// @param slots of the model, in its order, tied ones included
    /// @throws BowlineException when two keys are the same slot, or a stack has holes
    public static KeyMap of(
            List<WeightRule> rules, SequencedCollection<String> keys, SequencedCollection<String> slots) {
        Set<String> slotNames = Collections.unmodifiableSet(new LinkedHashSet<>(slots));
        return new KeyMap(new KeyMatching(rules, keys, slotNames), slotNames);
    }

    /// The map of no keys to no slots.
    public static KeyMap ofNothing() {
        return of(List.of(), List.of(), List.of());
    }

    /// The keys that fill slots, in the checkpoint's order.
    public List<KeyGroup> groups() {
        return groups;
    }

    /// The keys the model has no use for, with the reason.
    public SequencedMap<String, String> ignored() {
        return ignored;
    }

    /// The keys of parts that are not computed, with the part's name; a save writes them unchanged.
    public SequencedMap<String, String> passedThrough() {
        return passedThrough;
    }

    /// The keys that no slot and no rule explains.
    public List<String> unknown() {
        return unknown;
    }

    /// The slots that no key fills, in the model's order; a tied one may be.
    public List<String> empty() {
        return empty;
    }

    /// Notes on the keys that change nothing, a sentence each.
    public List<String> notes() {
        return notes;
    }

    /// The key of `slot` in a save, in the spelling of the checkpoint.
    ///
    /// Slots of a split or stack are not saved one by one; [#groups] has them.
    public String keyOf(String slot) {
        String read = keys.get(slot);
        if (read != null) {
            return read;
        }
        String key = slot;
        for (KeyRename renaming : used.reversed()) {
            key = renaming.backward(key).orElse(key);
        }
        return key;
    }

    /// Refuses what is not explained on either side, naming the nearest names.
    ///
    /// @param checkpoint the name of the checkpoint in the refusal
    /// @param mayBeEmpty slots that get their values otherwise, such as tied ones
    public void requireExplained(String checkpoint, Set<String> mayBeEmpty) {
        List<String> unfilled =
                empty.stream().filter(slot -> !mayBeEmpty.contains(slot)).toList();
        int problems = unknown.size() + unfilled.size();
        if (problems == 0) {
            return;
        }
        Stream<String> lines = Stream.concat(
                unknown.stream().map(key -> "no slot for '%s'%s".formatted(key, NearestNames.hint(key, unfilled))),
                unfilled.stream()
                        .map(slot -> "nothing for slot '%s'%s".formatted(slot, NearestNames.hint(slot, unknown))));
        String shown = lines.limit(SHOWN_PROBLEMS).collect(Collectors.joining("\n  "));
        String more = problems > SHOWN_PROBLEMS ? "\n  and %d more".formatted(problems - SHOWN_PROBLEMS) : "";
        throw new BowlineException(
                "%s does not fit the model:\n  %s%s".formatted(checkpoint, shown, more),
                "use the config.json that belongs to these weights, or a checkpoint of a supported architecture");
    }
}
