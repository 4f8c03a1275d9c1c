package dev.bowline.gguf;

/// A weight of a GGUF file that holds rows of one Hugging Face weight.
///
/// @param name with `.weight`
/// @param part which of the equal parts of the Hugging Face weight's rows, from 0
/// @param parts how many equal parts the Hugging Face weight has
public record GgufPart(String name, int part, int parts, RowOrder order) {

    /// The order of the rows in the file.
    public enum RowOrder {
        /// The order of the Hugging Face weight.
        SAME,
        /// The two halves of each query head alternate: row i of the first half, row i of the second.
        QUERY_PAIRS,
        /// The same for key heads.
        KEY_PAIRS
    }

    static GgufPart whole(String name) {
        return new GgufPart(name, 0, 1, RowOrder.SAME);
    }

    /// The row of the Hugging Face weight that is row `row` of this weight.
    ///
    /// @param rows of this weight
    /// @param queryHeads of the model
    /// @param keyHeads of the model
    public long sourceRow(long row, long rows, long queryHeads, long keyHeads) {
        long first = part * rows;
        return first
                + switch (order) {
                    case SAME -> row;
                    case QUERY_PAIRS -> paired(row, rows / queryHeads);
                    case KEY_PAIRS -> paired(row, rows / keyHeads);
                };
    }

    private static long paired(long row, long headRows) {
        long head = row / headRows;
        long inHead = row % headRows;
        long half = headRows / 2;
        return head * headRows + inHead % 2 * half + inHead / 2;
    }
}
