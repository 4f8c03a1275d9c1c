package dev.bowline.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Rows, batches and their order: nothing is lost, nothing is seen twice, and a position says where to go on.
class TrainingRowsTest {

    @Test
    void anEpochHoldsEveryRowOnceAndTheNextHasAnotherOrder() {
        TrainingRows rows = new TrainingRows(PackedRow.unpacked(examples(11, 3)), TrainingRows.Order.SHUFFLED, 42);

        List<PackedRow> first = take(rows, DataPosition.START, 4, 3);
        List<PackedRow> second = take(rows, new DataPosition(1, 0), 4, 3);

        assertEquals(11, first.size());
        assertEquals(new HashSet<>(first), new HashSet<>(second));
        assertNotEquals(first, second);
    }

    @Test
    void aPositionContinuesTheSameOrder() {
        List<PackedRow> source = PackedRow.unpacked(examples(11, 3));
        TrainingRows straight = new TrainingRows(source, TrainingRows.Order.SHUFFLED, 42);
        TrainingRows resumed = new TrainingRows(source, TrainingRows.Order.SHUFFLED, 42);

        DataPosition afterTwo =
                straight.step(straight.step(DataPosition.START, 4).next(), 4).next();

        assertEquals(straight.step(afterTwo, 4), resumed.step(afterTwo, 4));
        assertEquals(new DataPosition(1, 0), straight.step(afterTwo, 4).next());
        assertEquals(3, straight.stepsPerEpoch(4));
    }

    @Test
    void theSeedDecidesTheOrder() {
        List<PackedRow> source = PackedRow.unpacked(examples(11, 3));

        assertEquals(shuffled(source, 42), shuffled(source, 42));
        assertNotEquals(shuffled(source, 42), shuffled(source, 7));
        assertEquals(
                source,
                new TrainingRows(source, TrainingRows.Order.AS_READ, 42)
                        .step(DataPosition.START, 11)
                        .rows());
    }

    /// Only what is trained on counts, and all of it: ids, targets, which example is in which row, the order.
    @Test
    void theHashIsThatOfTheData() {
        Example a = new Example(new int[] {10, 11, 12}, new boolean[] {false, false, true}, "a:1");
        Example b = new Example(new int[] {20, 21}, new boolean[] {true, true}, "a:2");
        List<PackedRow> rows = List.of(new PackedRow(List.of(a)), new PackedRow(List.of(b)));
        List<List<PackedRow>> others = List.of(
                List.of(new PackedRow(List.of(b)), new PackedRow(List.of(a))),
                List.of(new PackedRow(List.of(a, b))),
                List.of(new PackedRow(List.of(a))),
                List.of(new PackedRow(List.of(new Example(new int[] {10, 11, 13}, a.targets(), "a:1"))), rows.get(1)),
                List.of(
                        new PackedRow(List.of(new Example(a.ids(), new boolean[] {false, true, true}, "a:1"))),
                        rows.get(1)));

        String hash = hash(rows);

        others.forEach(other -> assertNotEquals(hash, hash(other)));
        Example moved = new Example(a.ids(), a.targets(), "elsewhere:7");
        assertEquals(hash, hash(List.of(new PackedRow(List.of(moved)), rows.get(1))));
        assertEquals(64, hash.length());
    }

    private static String hash(List<PackedRow> rows) {
        return new TrainingRows(rows, TrainingRows.Order.SHUFFLED, 42).sha256();
    }

    private static List<PackedRow> shuffled(List<PackedRow> source, long seed) {
        return new TrainingRows(source, TrainingRows.Order.SHUFFLED, seed)
                .step(DataPosition.START, 11)
                .rows();
    }

    @Test
    void packingKeepsEveryExampleWhole() {
        List<Example> examples = new ArrayList<>();
        for (int length : new int[] {5, 9, 3, 2, 8, 4}) {
            examples.addAll(examples(1, length));
        }

        List<PackedRow> rows = PackedRow.packed(examples, 12);

        assertTrue(rows.stream().allMatch(row -> row.length() <= 12));
        assertEquals(6, rows.stream().mapToInt(row -> row.examples().size()).sum());
        assertEquals(3, rows.size());
    }

    @Test
    void labelsAreTheNextTargetTokenAndDocumentsDoNotRunIntoEachOther() {
        Example a = new Example(new int[] {10, 11, 12}, new boolean[] {false, false, true}, "a:1");
        Example b = new Example(new int[] {20, 21}, new boolean[] {true, true}, "a:2");

        Batch batch = Batch.of(List.of(new PackedRow(List.of(a, b)), new PackedRow(List.of(b))), 0);

        assertEquals(8, batch.columns());
        assertArrayEquals(new long[] {10, 11, 12, 20, 21, 0, 0, 0}, head(batch.inputIds()));
        assertArrayEquals(new long[] {-100, 12, -100, 21, -100, -100, -100, -100}, head(batch.labels()));
        assertArrayEquals(new int[] {0, 1, 2, 0, 1, 0, 0, 0}, java.util.Arrays.copyOf(batch.positions(), 8));
        assertArrayEquals(new int[] {1, 1, 1, 2, 2, 0, 0, 0}, java.util.Arrays.copyOf(batch.documents(), 8));
        assertEquals(3, batch.targetTokens());
        assertEquals(7, batch.realTokens());
        assertTrue(batch.isPacked());
    }

    private static long[] head(long[] values) {
        return java.util.Arrays.copyOf(values, 8);
    }

    private static List<PackedRow> take(TrainingRows rows, DataPosition from, int size, int steps) {
        List<PackedRow> taken = new ArrayList<>();
        DataPosition at = from;
        for (int i = 0; i < steps; i++) {
            TrainingRows.Step step = rows.step(at, size);
            taken.addAll(step.rows());
            at = step.next();
        }
        return taken;
    }

    private static List<Example> examples(int count, int length) {
        return IntStream.range(0, count)
                .mapToObj(i -> new Example(
                        IntStream.range(0, length).map(j -> i * 100 + j).toArray(), new boolean[length], "x:" + i))
                .toList();
    }
}
