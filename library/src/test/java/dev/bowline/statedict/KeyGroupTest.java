package dev.bowline.statedict;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.bowline.BowlineException;
import dev.bowline.statedict.KeyGroup.Kind;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Values go only where their shape says they belong.
class KeyGroupTest {

    @Test
    void aKeyHasTheShapeOfItsSlot() {
        requireFits(Kind.SAME, List.of(List.of(2L, 3L)), List.of(List.of(2L, 3L)));
        requireFits(Kind.SAME, List.of(List.of()), List.of(List.of()));
        requireRefused(Kind.SAME, List.of(List.of(3L, 2L)), List.of(List.of(2L, 3L)));
        requireRefused(Kind.SAME, List.of(List.of(1L)), List.of(List.of()));
    }

    @Test
    void aSplitHasTheRowsOfItsSlots() {
        requireFits(Kind.SPLIT, List.of(List.of(5L, 3L)), List.of(List.of(4L, 3L), List.of(1L, 3L)));
        requireRefused(Kind.SPLIT, List.of(List.of(6L, 3L)), List.of(List.of(4L, 3L), List.of(1L, 3L)));
        requireRefused(Kind.SPLIT, List.of(List.of(5L, 3L)), List.of(List.of(4L, 3L), List.of(1L, 2L)));
        requireRefused(Kind.SPLIT, List.of(List.of()), List.of(List.of(), List.of()));
    }

    @Test
    void aStackHasAnEntryForEveryExpert() {
        List<Long> row = List.of(2L, 3L);
        requireFits(Kind.STACK, List.of(row, row), List.of(List.of(2L, 2L, 3L)));
        requireFits(Kind.STACK, List.of(row, row, row, row), List.of(List.of(2L, 4L, 3L)));
        requireFits(Kind.STACK, List.of(row, List.of(1L, 3L)), List.of(List.of(1L, 3L, 3L)));
        requireRefused(Kind.STACK, List.of(row, row, row), List.of(List.of(2L, 3L, 3L)));
        requireRefused(Kind.STACK, List.of(row, row), List.of(List.of(3L, 2L, 3L)));
        requireRefused(Kind.STACK, List.of(row, List.of(1L, 3L)), List.of(List.of(2L, 2L, 3L)));
        requireRefused(Kind.STACK, List.of(row, row), List.of(List.of()));
        requireRefused(Kind.STACK, List.of(row, row), List.of(List.of(0L, 2L, 3L)));
    }

    @Test
    void aRefusalNamesBothSides() {
        KeyGroup group = new KeyGroup(Kind.SPLIT, List.of("qkv"), List.of("q", "k"));

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> group.requireShapes(
                        "dir", Map.of("qkv", List.of(4L)), Map.of("q", List.of(4L), "k", List.of(1L))));

        assertEquals("dir: 'qkv' of shape [4] cannot fill 'q' and 1 more of shape [4] and 1 more", refused.problem());
    }

    private static void requireFits(Kind kind, List<List<Long>> keys, List<List<Long>> slots) {
        assertDoesNotThrow(() -> require(kind, keys, slots));
    }

    private static void requireRefused(Kind kind, List<List<Long>> keys, List<List<Long>> slots) {
        assertThrows(BowlineException.class, () -> require(kind, keys, slots));
    }

    private static void require(Kind kind, List<List<Long>> keys, List<List<Long>> slots) {
        Map<String, List<Long>> keyShapes = new HashMap<>();
        keys.forEach(shape -> keyShapes.put("key" + keyShapes.size(), shape));
        Map<String, List<Long>> slotShapes = new HashMap<>();
        slots.forEach(shape -> slotShapes.put("slot" + slotShapes.size(), shape));
        new KeyGroup(
                        kind,
                        keyShapes.keySet().stream().sorted().toList(),
                        slotShapes.keySet().stream().sorted().toList())
                .requireShapes("dir", keyShapes, slotShapes);
    }
}
