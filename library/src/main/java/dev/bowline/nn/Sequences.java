package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.Ops;
import java.util.Arrays;
import java.util.OptionalInt;
import org.bytedeco.pytorch.Tensor;

/// Which positions the rows of a batch hold and which of them may see each other.
///
/// Plain Java data; masks are built from it on demand. Shapes: B rows, S positions of this call, T positions visible
/// to them, cached ones included.
public final class Sequences {

    /// What limits sight beyond causality.
    private sealed interface Sight {
        boolean sees(int row, int query, int key);

        record Everything() implements Sight {
            @Override
            public boolean sees(int row, int query, int key) {
                return true;
            }
        }

        record Real(long[] mask, int length) implements Sight {
            @Override
            public boolean sees(int row, int query, int key) {
                return mask[row * length + key] != 0;
            }
        }

        record SameDocument(int[] documents, int length) implements Sight {
            @Override
            public boolean sees(int row, int query, int key) {
                return documents[row * length + query] == documents[row * length + key];
            }
        }
    }

    private final int rows;
    private final int length;
    private final int past;
    private final long[] positions;
    private final int positionRows;
    private final Sight sight;

    private Sequences(int rows, int length, int past, long[] positions, int positionRows, Sight sight) {
        this.rows = rows;
        this.length = length;
        this.past = past;
        this.positions = positions;
        this.positionRows = positionRows;
        this.sight = sight;
    }

    /// Whole rows without padding.
    public static Sequences causal(int rows, int length) {
        return continuing(rows, length, 0);
    }

    /// Rows that continue `past` cached positions.
    public static Sequences continuing(int rows, int length, int past) {
        return new Sequences(rows, length, past, count(length, past), 1, new Sight.Everything());
    }

    /// Rows with padding. Positions count from 0 whatever the padding, as transformers does when given none.
    ///
    /// @param attentionMask [B × S], 1 for a real token and 0 for padding
    public static Sequences padded(long[] attentionMask, int rows, int length) {
        requireSize(attentionMask.length, rows, length);
        return new Sequences(rows, length, 0, count(length, 0), 1, new Sight.Real(attentionMask.clone(), length));
    }

    /// Rows that hold several documents, none of which sees another.
    ///
    /// @param documents [B × S], equal for positions of one document
    /// @param positions [B × S], from 0 in each document
    public static Sequences packed(int[] documents, int[] positions, int rows, int length) {
        requireSize(documents.length, rows, length);
        requireSize(positions.length, rows, length);
        long[] wide = new long[positions.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = positions[i];
        }
        return new Sequences(rows, length, 0, wide, rows, new Sight.SameDocument(documents.clone(), length));
    }

    public int rows() {
        return rows;
    }

    /// S.
    public int length() {
        return length;
    }

    /// How many cached positions come before this call's.
    public int past() {
        return past;
    }

    /// cos and sin for these positions.
    public RotaryEmbedding.Table rotate(RotaryEmbedding rotary, Dtype dtype) {
        return rotary.table(positions, positionRows, dtype);
    }

    /// cos and sin for these positions, with the frequencies for this length.
    public RotaryEmbedding.Table rotate(Rope rope, Dtype dtype) {
        return rope.table(positions, positionRows, lastPosition() + 1, dtype);
    }

    /// The factor of each position's queries: [B or 1, S, 1, 1].
    public Tensor scale(PositionScale scale, Dtype dtype) {
        float[] factors = new float[positions.length];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = scale.at(positions[i]);
        }
        return Ops.cast(Memory.of(factors, positionRows, length, 1, 1), dtype);
    }

    private long lastPosition() {
        return Arrays.stream(positions).max().orElse(0);
    }

    /// What attention that sees the last `window` positions, itself included, or all, may look at.
    public AttentionMask mask(OptionalInt window, Dtype dtype) {
        boolean unlimited = sight instanceof Sight.Everything;
        boolean windowed = window.isPresent() && past + length > window.getAsInt();
        if (unlimited && length == 1) {
            // A single query sees all that a cache has kept for it.
            return new AttentionMask.Everything();
        }
        if (unlimited && !windowed && past == 0) {
            return new AttentionMask.Causal();
        }
        return new AttentionMask.Additive(additive(window, dtype), window);
    }

    private Tensor additive(OptionalInt window, Dtype dtype) {
        boolean unlimited = sight instanceof Sight.Everything;
        int first = window.isPresent() ? Math.max(0, past - window.getAsInt() + 1) : 0;
        int keys = past + length - first;
        int maskRows = unlimited ? 1 : rows;
        float[] values = new float[Math.toIntExact((long) maskRows * length * keys)];
        float lowest = dtype == Dtype.BFLOAT16 ? -3.3895314e38f : -Float.MAX_VALUE;
        int at = 0;
        for (int row = 0; row < maskRows; row++) {
            for (int query = past; query < past + length; query++) {
                int oldest = window.isPresent() ? query - window.getAsInt() + 1 : 0;
                for (int key = first; key < first + keys; key++) {
                    boolean seen = key <= query && key >= oldest && sight.sees(row, query, key);
                    values[at++] = seen ? 0 : lowest;
                }
            }
        }
        return Ops.cast(Memory.of(values, maskRows, 1, length, keys), dtype);
    }

    private static long[] count(int length, int past) {
        long[] positions = new long[length];
        for (int i = 0; i < length; i++) {
            positions[i] = past + i;
        }
        return positions;
    }

    private static void requireSize(int size, int rows, int length) {
        if (size != rows * length) {
            throw new IllegalArgumentException("%d values for %d rows of %d".formatted(size, rows, length));
        }
    }
}
