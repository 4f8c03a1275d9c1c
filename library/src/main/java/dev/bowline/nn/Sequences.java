package dev.bowline.nn;

import dev.bowline.tensor.HostTensors;
import java.util.Arrays;
import java.util.OptionalInt;
import org.bytedeco.pytorch.Tensor;

/// The positions that the rows of a batch hold, and the limits on which positions attend to each other.
///
/// Plain Java data; masks are built from it on demand. Shapes: B rows, S positions of this call, T positions visible
/// to them, cached ones included.
public final class Sequences {

    /// The limits on visible keys other than position, as Java data.
    private sealed interface Sight {

        record Everything() implements Sight {}

        record Real(long[] mask) implements Sight {}

        record SameDocument(int[] documents) implements Sight {}
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

    /// Rows with padding. Positions count from 0 in every row, padding included, as in transformers without
    /// `position_ids`.
    ///
    /// @param attentionMask [B × S], 1 for a real token and 0 for padding
    public static Sequences padded(long[] attentionMask, int rows, int length) {
        requireSize(attentionMask.length, rows, length);
        return new Sequences(rows, length, 0, count(length, 0), 1, new Sight.Real(attentionMask.clone()));
    }

    /// Rows that hold several documents. Documents do not attend to each other.
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
        return new Sequences(rows, length, 0, wide, rows, new Sight.SameDocument(documents.clone()));
    }

    public int rows() {
        return rows;
    }

    /// S.
    public int length() {
        return length;
    }

    /// The number of cached positions before the positions of this call.
    public int past() {
        return past;
    }

    /// cos and sin for these positions, with the frequencies for this length.
    public RotaryEmbedding.Table rotate(Rope rope, Placement placement) {
        return rope.table(positions, positionRows, lastPosition() + 1, placement);
    }

    /// The factor of each position's queries: [B or 1, S, 1, 1].
    public Tensor scale(PositionScale scale, Placement placement) {
        float[] factors = new float[positions.length];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = scale.at(positions[i]);
        }
        return placement.of(HostTensors.of(factors, positionRows, length, 1, 1));
    }

    private long lastPosition() {
        return Arrays.stream(positions).max().orElse(0);
    }

    /// The keys that a query may attend to: the last `window` positions, its own included, or all positions. The
    /// tensors of the mask belong to the caller's scope.
    public AttentionMask mask(OptionalInt window, Placement placement) {
        boolean unlimited = sight instanceof Sight.Everything;
        boolean windowed = window.isPresent() && past + length > window.getAsInt();
        if (unlimited && length == 1) {
            // A single query attends to every key that the cache holds.
            return new AttentionMask.Everything();
        }
        if (unlimited && !windowed && past == 0) {
            return new AttentionMask.Causal();
        }
        VisibleKeys.Limit limit = switch (sight) {
            case Sight.Everything _ -> new VisibleKeys.Limit.None();
            case Sight.Real(long[] mask) ->
                new VisibleKeys.Limit.Padding(placement.device().place(HostTensors.of(mask, rows, length)));
            case Sight.SameDocument(int[] documents) ->
                new VisibleKeys.Limit.Documents(placement.device().place(HostTensors.of(documents, rows, length)));
        };
        return new AttentionMask.Additive(
                new VisibleKeys(new VisibleKeys.Range(length, past, window), limit, placement));
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
