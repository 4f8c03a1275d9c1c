package dev.bowline.statedict;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// One way in which checkpoints of a family differ from its slots. A key that is a slot's name needs no rule.
///
/// Patterns are tensor names in which `{}` stands for an index and `{rest}` for the rest of a name. A key is
/// renamed first, by every rename that fits, in order, until it is a slot's name; the other rules see the renamed
/// key. Only a key that no other rule explains is tried as the base class's.
public sealed interface WeightRule {

    /// Another spelling of the same tensor, or of a prefix: `model.language_model.{rest}`.
    ///
    /// @param to has the holes of `from`, in the same order
    record Rename(String from, String to) implements WeightRule {

        public Rename {
            requireHoles(from, to, 0);
        }
    }

    /// One tensor whose rows are those of several slots, first to last, such as fused query, key and value.
    ///
    /// @param to each has the holes of `from`
    record Split(String from, List<String> to) implements WeightRule {

        public Split {
            to = List.copyOf(to);
            to.forEach(part -> requireHoles(from, part, 0));
        }
    }

    /// A tensor for every expert, which are one slot with the experts as its first dimension.
    ///
    /// Where an expert has several tensors, their rows follow each other: gate above up.
    ///
    /// @param from each has the holes of `to` and then one for the expert
    record Stack(List<String> from, String to) implements WeightRule {

        public Stack {
            from = List.copyOf(from);
            from.forEach(part -> requireHoles(part, to, 1));
        }

        /// The keys that a slot comes apart into, in the order of its values; empty for a slot of another rule.
        ///
        /// @param experts the slot's first dimension
        public List<String> keysOf(String slot, long experts) {
            Optional<List<String>> holes = new NamePattern(to).match(slot);
            List<String> keys = new ArrayList<>();
            for (long expert = 0; holes.isPresent() && expert < experts; expert++) {
                List<String> values = new ArrayList<>(holes.get());
                values.add(Long.toString(expert));
                from.forEach(part -> keys.add(new NamePattern(part).fill(values)));
            }
            return keys;
        }
    }

    /// Weights that were saved from the base class, whose names lack the base class's own in front: `layers.0…`
    /// for `model.layers.0…`.
    ///
    /// @param prefix such as `model.`
    record BaseModel(String prefix) implements WeightRule {}

    /// A tensor the model has no use for.
    ///
    /// @param reason completes "ignored: …"
    record Ignore(String pattern, String reason) implements WeightRule {

        public Ignore {
            NamePattern _ = new NamePattern(pattern);
        }
    }

    /// A tensor of a part that is not computed but belongs to the checkpoint, and is saved unchanged.
    ///
    /// @param part such as "vision tower"
    record PassThrough(String pattern, String part) implements WeightRule {

        public PassThrough {
            NamePattern _ = new NamePattern(pattern);
        }
    }

    private static void requireHoles(String from, String to, int extra) {
        List<String> asked = new NamePattern(from).holes();
        List<String> filled = new NamePattern(to).holes();
        boolean agree = asked.size() == filled.size() + extra
                && asked.subList(0, filled.size()).equals(filled)
                && asked.subList(filled.size(), asked.size()).stream().allMatch("{}"::equals);
        if (!agree) {
            throw new IllegalArgumentException("the holes of '%s' do not fit '%s'".formatted(from, to));
        }
    }
}
