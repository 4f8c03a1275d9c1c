package dev.bowline.statedict;

import dev.bowline.BowlineException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedCollection;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.Set;
import java.util.TreeMap;

/// Goes through a checkpoint's keys once and finds each its meaning.
final class KeyMatching {

    /// A stack's tensors in their order in the files: by expert, and within it by the rule's order.
    private record Stacked(WeightRule.Stack rule, TreeMap<Integer, TreeMap<Integer, String>> experts) {}

    final SequencedMap<String, String> ignored = new LinkedHashMap<>();
    final SequencedMap<String, String> passedThrough = new LinkedHashMap<>();
    final List<String> unknown = new ArrayList<>();
    final SequencedSet<KeyRename> used = new LinkedHashSet<>();
    /// The number of keys that lack each prefix of the base class.
    final SequencedMap<String, Integer> unprefixed = new LinkedHashMap<>();

    private final List<KeyRename> renamings = new ArrayList<>();
    private final Map<String, KeyRename> baseModels = new LinkedHashMap<>();
    private final List<WeightRule> rules;
    private final Set<String> slots;
    private final Map<String, NamePattern> patterns = new LinkedHashMap<>();
    /// Groups by their first slot, in the order of the first key. The group of a stack is added when it is whole.
    private final SequencedMap<String, KeyGroup> groups = new LinkedHashMap<>();

    private final Map<String, Stacked> stacks = new LinkedHashMap<>();
    private final Map<String, String> fillers = new LinkedHashMap<>();

    KeyMatching(List<WeightRule> rules, SequencedCollection<String> keys, Set<String> slots) {
        this.rules = rules;
        this.slots = slots;
        for (WeightRule rule : rules) {
            if (rule instanceof WeightRule.Rename rename) {
                renamings.add(KeyRename.of(rename));
            }
        }
        keys.forEach(this::match);
        stacks.forEach((slot, stacked) -> groups.put(slot, whole(slot, stacked)));
    }

    SequencedCollection<KeyGroup> groups() {
        return groups.sequencedValues();
    }

    private void match(String key) {
        String name = key;
        List<KeyRename> taken = new ArrayList<>();
        for (KeyRename renaming : renamings) {
            Optional<String> renamed = slots.contains(name) ? Optional.empty() : renaming.forward(name);
            if (renamed.isPresent()) {
                name = renamed.get();
                taken.add(renaming);
            }
        }
        if (fills(key, name)) {
            used.addAll(taken);
        } else if (!isSetAside(key, name) && !isOfBaseModel(key)) {
            unknown.add(key);
        }
    }

    private boolean isOfBaseModel(String key) {
        for (WeightRule rule : rules) {
            if (rule instanceof WeightRule.BaseModel(String prefix)) {
                String name = prefix + key;
                boolean filled = fills(key, name);
                if (filled || isSetAside(key, name)) {
                    unprefixed.merge(prefix, 1, Integer::sum);
                    if (filled) {
                        used.add(baseModels.computeIfAbsent(prefix, KeyRename::adding));
                    }
                    return true;
                }
            }
        }
        return false;
    }

    private boolean fills(String key, String name) {
        if (slots.contains(name)) {
            claim(key, KeyGroup.Kind.SAME, List.of(name));
            return true;
        }
        for (WeightRule rule : rules) {
            boolean filled = switch (rule) {
                case WeightRule.Split split -> splits(split, key, name);
                case WeightRule.Stack stack -> stacks(stack, key, name);
                case WeightRule.Rename _, WeightRule.BaseModel _, WeightRule.Ignore _, WeightRule.PassThrough _ ->
                    false;
            };
            if (filled) {
                return true;
            }
        }
        return false;
    }

    private boolean isSetAside(String key, String name) {
        for (WeightRule rule : rules) {
            switch (rule) {
                case WeightRule.Ignore(String pattern, String reason)
                when pattern(pattern).match(name).isPresent() -> {
                    ignored.put(key, reason);
                    return true;
                }
                case WeightRule.PassThrough(String pattern, String part)
                when pattern(pattern).match(name).isPresent() -> {
                    passedThrough.put(key, part);
                    return true;
                }
                case WeightRule.Rename _,
                        WeightRule.BaseModel _,
                        WeightRule.Split _,
                        WeightRule.Stack _,
                        WeightRule.Ignore _,
                        WeightRule.PassThrough _ -> {}
            }
        }
        return false;
    }

    private boolean splits(WeightRule.Split rule, String key, String name) {
        Optional<List<String>> parts = pattern(rule.from())
                .match(name)
                .map(holes -> rule.to().stream()
                        .map(part -> pattern(part).fill(holes))
                        .toList())
                .filter(slots::containsAll);
        parts.ifPresent(filled -> claim(key, KeyGroup.Kind.SPLIT, filled));
        return parts.isPresent();
    }

    private boolean stacks(WeightRule.Stack rule, String key, String name) {
        for (int part = 0; part < rule.from().size(); part++) {
            Optional<List<String>> holes = pattern(rule.from().get(part)).match(name);
            if (holes.isEmpty()) {
                continue;
            }
            int last = holes.get().size() - 1;
            String slot = pattern(rule.to()).fill(holes.get().subList(0, last));
            if (!slots.contains(slot)) {
                continue;
            }
            if (!stacks.containsKey(slot)) {
                claim(key, KeyGroup.Kind.STACK, List.of(slot));
                stacks.put(slot, new Stacked(rule, new TreeMap<>()));
            }
            int expert = Integer.parseInt(holes.get().get(last));
            String other = stacks.get(slot)
                    .experts
                    .computeIfAbsent(expert, _ -> new TreeMap<>())
                    .put(part, key);
            if (other != null) {
                throw twice(slot, other, key);
            }
            return true;
        }
        return false;
    }

    private void claim(String key, KeyGroup.Kind kind, List<String> filled) {
        for (String slot : filled) {
            String other = fillers.put(slot, key);
            if (other != null) {
                throw twice(slot, other, key);
            }
        }
        groups.put(filled.getFirst(), new KeyGroup(kind, List.of(key), filled));
    }

    private static KeyGroup whole(String slot, Stacked stacked) {
        List<String> keys = new ArrayList<>();
        int count = stacked.experts.lastKey() + 1;
        for (int expert = 0; expert < count; expert++) {
            TreeMap<Integer, String> parts = stacked.experts.getOrDefault(expert, new TreeMap<>());
            for (int part = 0; part < stacked.rule.from().size(); part++) {
                String key = parts.get(part);
                if (key == null) {
                    throw new BowlineException(
                            "slot '%s' lacks '%s' of expert %d; the checkpoint has experts up to %d"
                                    .formatted(slot, stacked.rule.from().get(part), expert, count - 1),
                            "download the missing shard, or use a whole checkpoint");
                }
                keys.add(key);
            }
        }
        return new KeyGroup(KeyGroup.Kind.STACK, keys, List.of(slot));
    }

    private NamePattern pattern(String text) {
        return patterns.computeIfAbsent(text, NamePattern::new);
    }

    private static BowlineException twice(String slot, String first, String second) {
        return new BowlineException(
                "'%s' and '%s' are two spellings of slot '%s'".formatted(first, second, slot),
                "remove one of the two from the checkpoint");
    }
}
