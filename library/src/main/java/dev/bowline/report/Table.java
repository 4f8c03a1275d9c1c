package dev.bowline.report;

import java.util.ArrayList;
import java.util.List;

/// Rows of text in columns, each as wide as its widest cell.
public final class Table {

    /// Which side of its column a cell keeps to.
    public enum Side {
        LEFT,
        RIGHT
    }

    private static final String GAP = "  ";

    private final List<Side> sides;
    private final List<List<String>> rows = new ArrayList<>();

    public Table(Side... sides) {
        this.sides = List.of(sides);
    }

    /// A label and its value, both to the left.
    public static Table ofFields() {
        return new Table(Side.LEFT, Side.LEFT);
    }

    public Table row(String... cells) {
        if (cells.length != sides.size()) {
            throw new IllegalArgumentException("%d cells in %d columns".formatted(cells.length, sides.size()));
        }
        rows.add(List.of(cells));
        return this;
    }

    /// The rows, each indented by two spaces and ended by a newline, without spaces at their ends.
    public String text() {
        int[] widths = new int[sides.size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                String padding = " ".repeat(widths[i] - row.get(i).length());
                line.append(GAP);
                line.append(sides.get(i) == Side.LEFT ? row.get(i) + padding : padding + row.get(i));
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }
}
