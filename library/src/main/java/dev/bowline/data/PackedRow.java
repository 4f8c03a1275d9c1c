package dev.bowline.data;

import java.util.ArrayList;
import java.util.List;

/// One row of a batch: one example, or several packed ones that do not see each other.
///
/// @param examples the examples in the order of the row
public record PackedRow(List<Example> examples) {

    public PackedRow {
        examples = List.copyOf(examples);
    }

    public int length() {
        return examples.stream().mapToInt(Example::length).sum();
    }

    public long targetTokens() {
        return examples.stream().mapToLong(Example::targetTokens).sum();
    }

    /// A row per example.
    public static List<PackedRow> unpacked(List<Example> examples) {
        return examples.stream().map(example -> new PackedRow(List.of(example))).toList();
    }

    /// Fills rows of at most `size` tokens: each example goes into the first row with room for it, so the same
    /// examples in the same order always make the same rows.
    public static List<PackedRow> packed(List<Example> examples, int size) {
        List<List<Example>> rows = new ArrayList<>();
        List<Integer> room = new ArrayList<>();
        int firstOpen = 0;
        for (Example example : examples) {
            if (example.length() > size) {
                throw new IllegalArgumentException(
                        "%s has %d tokens, a packed row %d".formatted(example.origin(), example.length(), size));
            }
            int row = firstOpen;
            while (row < rows.size() && room.get(row) < example.length()) {
                row++;
            }
            if (row == rows.size()) {
                rows.add(new ArrayList<>());
                room.add(size);
            }
            rows.get(row).add(example);
            room.set(row, room.get(row) - example.length());
            while (firstOpen < rows.size() && room.get(firstOpen) < 2) {
                firstOpen++;
            }
        }
        return rows.stream().map(PackedRow::new).toList();
    }
}
