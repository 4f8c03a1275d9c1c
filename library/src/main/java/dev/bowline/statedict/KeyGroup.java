package dev.bowline.statedict;

import dev.bowline.BowlineException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// Checkpoint keys and the slots they fill, read either way: the values of the keys, one after another, are the
/// values of the slots, one after another.
///
/// @param keys one, or every expert's of a stack in order
/// @param slots one, or the parts of a split in order
public record KeyGroup(Kind kind, List<String> keys, List<String> slots) {

    /// The relation of the shapes.
    public enum Kind {
        /// One key, one slot, one shape.
        SAME,
        /// The key's rows are those of the slots.
        SPLIT,
        /// The slot's first dimension counts the experts.
        STACK
    }

    public KeyGroup {
        keys = List.copyOf(keys);
        slots = List.copyOf(slots);
    }

    /// Refuses shapes that would put values where they do not belong.
    ///
    /// @param checkpoint the name of the checkpoint in the refusal
    /// @param keyShapes of at least this group's keys
    /// @param slotShapes of at least this group's slots
    public void requireShapes(
            String checkpoint, Map<String, List<Long>> keyShapes, Map<String, List<Long>> slotShapes) {
        List<List<Long>> given = keys.stream().map(key -> shape(keyShapes, key)).toList();
        List<List<Long>> wanted =
                slots.stream().map(slot -> shape(slotShapes, slot)).toList();
        boolean fits = switch (kind) {
            case SAME -> given.equals(wanted);
            case SPLIT ->
                wanted.stream().noneMatch(List::isEmpty) && given.getFirst().equals(rowsTogether(wanted));
            case STACK -> given.stream().noneMatch(List::isEmpty) && stacks(given, wanted.getFirst());
        };
        if (!fits) {
            throw new BowlineException(
                    "%s: %s of shape %s cannot fill %s of shape %s"
                            .formatted(checkpoint, quoted(keys), shortened(given), quoted(slots), shortened(wanted)),
                    "check that config.json belongs to these weights");
        }
    }

    /// The number of keys of one entry of a stack.
    private boolean stacks(List<List<Long>> given, List<Long> wanted) {
        if (wanted.isEmpty() || wanted.getFirst() <= 0 || given.size() % wanted.getFirst() != 0) {
            return false;
        }
        int perExpert = given.size() / Math.toIntExact(wanted.getFirst());
        List<Long> entry = wanted.subList(1, wanted.size());
        for (int start = 0; start < given.size(); start += perExpert) {
            if (!rowsTogether(given.subList(start, start + perExpert)).equals(entry)) {
                return false;
            }
        }
        return true;
    }

    /// The shape of tensors put one below the other, or an impossible one when their rows differ.
    private static List<Long> rowsTogether(List<List<Long>> shapes) {
        List<Long> row = shapes.getFirst().subList(1, shapes.getFirst().size());
        long rows = 0;
        for (List<Long> shape : shapes) {
            if (!shape.subList(1, shape.size()).equals(row)) {
                return List.of(-1L);
            }
            rows += shape.getFirst();
        }
        List<Long> together = new ArrayList<>(List.of(rows));
        together.addAll(row);
        return together;
    }

    private static List<Long> shape(Map<String, List<Long>> shapes, String name) {
        return Objects.requireNonNull(shapes.get(name), () -> "no shape for '" + name + "'");
    }

    private static String quoted(List<String> names) {
        return shortened(names.stream().map(name -> "'" + name + "'").toList());
    }

    private static String shortened(List<?> items) {
        return items.size() == 1
                ? String.valueOf(items.getFirst())
                : items.getFirst() + " and " + (items.size() - 1) + " more";
    }
}
