package dev.bowline.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A comparison sees every row once, in however many parts it is read, and the parts' results are one.
class TensorComparisonTest {

    /// Enough bytes for several parts.
    private static final long ROWS = 150_000;
    private static final long WIDTH = 512;
    private static final long ROW_BYTES = 2 * WIDTH;
    private static final short ONE = (short) 0x3f80;

    @TempDir
    private Path temporary;

    @Test
    void differencesInAllPartsAreOneResult() throws IOException {
        TensorRange head = tensor("head", ROWS);
        TensorRange embedding = tensor("embedding", ROWS);
        put(embedding, 3, 7, ONE);
        put(head, ROWS / 2, 0, (short) 0x4000);
        put(embedding, ROWS - 1, WIDTH - 1, ONE);

        TensorDifference difference = TensorComparison.of(head, embedding);

        assertEquals(new TensorDifference(ROWS, 3, 3, 2.0, 0x4000, false, List.of(3L, ROWS / 2, ROWS - 1)), difference);
        assertFalse(TensorComparison.isSame(head, embedding));
    }

    @Test
    void anEqualPairHasNone() throws IOException {
        TensorRange head = tensor("head", ROWS);

        assertTrue(TensorComparison.of(head, tensor("embedding", ROWS)).isNone());
        assertTrue(TensorComparison.isSame(head, tensor("again", ROWS)));
        assertTrue(TensorComparison.startAlike(head, tensor("longer", ROWS + 1), ROWS * ROW_BYTES));
    }

    @Test
    void everyRowIsSeenOnceAndInOrderOfTheParts() throws IOException {
        List<List<Long>> parts = new ArrayList<>();

        TensorComparison.of(tensor("head", ROWS), tensor("embedding", ROWS), () -> {
            List<Long> seen = new ArrayList<>();
            parts.add(seen);
            return (rows, first) -> {
                for (long row = 0; row < rows.limit() / ROW_BYTES; row++) {
                    seen.add(first + row);
                }
            };
        });

        assertEquals(
                LongStream.range(0, ROWS).boxed().toList(),
                parts.stream().flatMap(List::stream).toList());
    }

    @Test
    void aDifferenceEndsTheReadingWhenNothingElseIsAsked() throws IOException {
        TensorRange head = new TensorRange(tensor("head", 1000).file(), 0, entry(2000));
        TensorRange embedding = tensor("embedding", 2000);
        assertThrows(BowlineException.class, () -> TensorComparison.isSame(head, embedding));

        put(embedding, 0, 0, ONE);

        assertFalse(TensorComparison.isSame(head, embedding));
        assertThrows(BowlineException.class, () -> TensorComparison.of(head, embedding));
    }

    private TensorRange tensor(String name, long rows) throws IOException {
        Path path = temporary.resolve(name);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(rows * ROW_BYTES);
        }
        return new TensorRange(path, 0, entry(rows));
    }

    private static TensorEntry entry(long rows) {
        return new TensorEntry("weight", SafetensorsType.BF16, List.of(rows, WIDTH), 0, rows * ROW_BYTES);
    }

    private static void put(TensorRange tensor, long row, long column, short bits) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(tensor.file().toFile(), "rw")) {
            file.seek(row * ROW_BYTES + 2 * column);
            file.write(ByteBuffer.allocate(2).putShort(Short.reverseBytes(bits)).array());
        }
    }
}
