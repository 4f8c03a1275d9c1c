package dev.bowline.audit.evidence;

import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.TensorComparison;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/// Rows of an embedding that carry nothing: of norm zero, as far as training can tell, or not finite.
public final class DamagedRows implements TensorComparison.Rows {

    /// The damaged rows of one tensor.
    ///
    /// @param rows the first of them, at most [#KEPT]
    /// @param notFinite how many of them have an infinity or a NaN
    public record Found(long count, long notFinite, List<Long> rows) {

        public static final Found NONE = new Found(0, 0, List.of());

        public Found {
            rows = List.copyOf(rows);
        }

        /// Joins two runs of rows, `later` after this one.
        Found and(Found later) {
            List<Long> both = new ArrayList<>(rows);
            both.addAll(later.rows);
            return new Found(
                    count + later.count, notFinite + later.notFinite, both.subList(0, Math.min(KEPT, both.size())));
        }
    }

    static final int KEPT = RebuiltRows.MOST;
    private static final double DEAD = 1e-6;

    private final ElementReader type;
    private final int width;
    private final long ones;
    private final long high;
    private final long[] words;
    private final List<Long> rows = new ArrayList<>();
    private long anyBits;
    private long count;
    private long notFinite;

    /// @param width elements of a row
    DamagedRows(ElementReader type, int width) {
        this.type = type;
        this.width = width;
        int bits = 8 * type.bytes();
        long lanes = 0;
        for (int lane = 0; lane < 64; lane += bits) {
            lanes |= 1L << lane;
        }
        ones = type.bytes() == 8 ? type.exponentMask() : type.exponentMask() * lanes;
        high = lanes << bits - 1;
        words = new long[Math.max(1, width * type.bytes() / Long.BYTES)];
    }

    @Override
    public void accept(ByteBuffer bytes, long first) {
        int rowBytes = width * type.bytes();
        boolean wholeWords = rowBytes % Long.BYTES == 0;
        for (int at = 0; at < bytes.limit(); at += rowBytes) {
            boolean finite = wholeWords ? finiteByWords(bytes, at, rowBytes) : finiteByElements(bytes, at);
            if (!finite || wholeWords && isZero() || isDead(bytes, at)) {
                count++;
                notFinite += finite ? 0 : 1;
                if (rows.size() < KEPT) {
                    rows.add(first + at / rowBytes);
                }
            }
        }
    }

    Found found() {
        return new Found(count, notFinite, rows);
    }

    /// Several elements to a word: a lane whose exponent is not all ones keeps its high bit after the addition.
    private boolean finiteByWords(ByteBuffer bytes, int at, int rowBytes) {
        bytes.slice(at, rowBytes).order(bytes.order()).asLongBuffer().get(words);
        long mask = ones;
        long add = high - (high >>> 8 * type.bytes() - 1);
        long all = -1;
        anyBits = 0;
        for (long word : words) {
            anyBits |= word;
            all &= ((word & mask) ^ mask) + add;
        }
        return (all & high) == high;
    }

    /// True if the row that [#finiteByWords] has just read is zeros of either sign.
    private boolean isZero() {
        return (anyBits & ~high) == 0;
    }

    private boolean finiteByElements(ByteBuffer bytes, int at) {
        for (int i = 0; i < width; i++) {
            if ((type.bits(bytes, at + i * type.bytes()) & type.exponentMask()) == type.exponentMask()) {
                return false;
            }
        }
        return true;
    }

    private boolean isDead(ByteBuffer bytes, int at) {
        double squares = 0;
        for (int i = 0; i < width; i++) {
            double value = type.value(bytes, at + i * type.bytes());
            squares += value * value;
            if (squares > DEAD * DEAD) {
                return false;
            }
        }
        return true;
    }
}
