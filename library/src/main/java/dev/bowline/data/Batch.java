package dev.bowline.data;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// The rows of a batch, padded on the right to one length, in plain Java arrays, row after row.
///
/// Shapes: B rows, S columns; every array has B × S elements.
///
/// @param inputIds token ids; padding is `paddingId`
/// @param labels the target *of* each position, that is the token after it; [#IGNORED] where there is none
/// @param positions from 0 in each document
/// @param documents from 1 in each row; 0 is padding
/// @param rows B
/// @param columns S
/// @param origins the places where the examples of the rows were read
public record Batch(
        long[] inputIds, long[] labels, int[] positions, int[] documents, int rows, int columns, List<String> origins) {

    /// The label of a position without a target.
    public static final long IGNORED = -100;

    private static final int COLUMN_MULTIPLE = 8;

    /// S of the batch that [#of] makes of these rows, at least one.
    public static int columns(List<PackedRow> rows) {
        int longest = rows.stream().mapToInt(PackedRow::length).max().orElseThrow();
        return (longest + COLUMN_MULTIPLE - 1) / COLUMN_MULTIPLE * COLUMN_MULTIPLE;
    }

    public static Batch of(List<PackedRow> rows, long paddingId) {
        int columns = columns(rows);
        int size = Math.multiplyExact(rows.size(), columns);
        Batch batch = new Batch(
                new long[size],
                new long[size],
                new int[size],
                new int[size],
                rows.size(),
                columns,
                rows.stream()
                        .flatMap(row -> row.examples().stream())
                        .map(Example::origin)
                        .toList());
        Arrays.fill(batch.inputIds, paddingId);
        Arrays.fill(batch.labels, IGNORED);
        for (int row = 0; row < rows.size(); row++) {
            batch.fill(row * columns, rows.get(row));
        }
        return batch;
    }

    private void fill(int from, PackedRow row) {
        int at = from;
        int document = 1;
        for (Example example : row.examples()) {
            for (int i = 0; i < example.length(); i++) {
                inputIds[at + i] = example.ids()[i];
                positions[at + i] = i;
                documents[at + i] = document;
                boolean nextIsTarget = i + 1 < example.length() && example.targets()[i + 1];
                labels[at + i] = nextIsTarget ? example.ids()[i + 1] : IGNORED;
            }
            at += example.length();
            document++;
        }
    }

    /// Tokens that are not padding.
    public long realTokens() {
        return Arrays.stream(documents).filter(document -> document != 0).count();
    }

    /// The indices of the tokens that are not padding; empty when none is.
    public Optional<long[]> realPositions() {
        long[] real = IntStream.range(0, documents.length)
                .filter(i -> documents[i] != 0)
                .asLongStream()
                .toArray();
        return real.length == documents.length ? Optional.empty() : Optional.of(real);
    }

    public long targetTokens() {
        return Arrays.stream(labels).filter(label -> label != IGNORED).count();
    }

    /// True if some row holds more than one document.
    public boolean isPacked() {
        return Arrays.stream(documents).anyMatch(document -> document > 1);
    }
}
