package dev.bowline.safetensors;

import java.nio.ByteBuffer;

/// Compares rows of two float types: the wider rounded to the narrower must be the narrower.
///
/// Types of at most 32 bits are compared as the bits that their elements have as 32-bit floats, a row at a time:
/// most rows end after a look at integers.
final class CastDifference {

    private static final int INFINITY = 0x7f800000;

    private final ElementReader first;
    private final ElementReader second;
    private final boolean firstIsWider;
    private final ElementReader narrow;
    private double largest;
    private boolean exact = true;
    private int[] x = new int[0];
    private int[] y = new int[0];

    CastDifference(ElementReader first, ElementReader second) {
        this.first = first;
        this.second = second;
        firstIsWider = first.bytes() >= second.bytes();
        narrow = firstIsWider ? second : first;
    }

    /// The largest absolute difference of two elements of which one is not the other rounded; NaN if it is no
    /// number.
    double largest() {
        return largest;
    }

    /// True if every element seen so far is exactly the other's.
    boolean isExact() {
        return exact;
    }

    /// True if one row of each differs after the cast.
    boolean differs(ByteBuffer a, ByteBuffer b) {
        if (first == ElementReader.F64 || second == ElementReader.F64) {
            return differsAsDoubles(a, b);
        }
        int count = a.limit() / first.bytes();
        if (x.length < count) {
            x = new int[count];
            y = new int[count];
        }
        first.floatBits(a, x, count);
        second.floatBits(b, y, count);
        int[] wide = firstIsWider ? x : y;
        int[] other = firstIsWider ? y : x;
        int differing = 0;
        int largestMagnitude = 0;
        for (int i = 0; i < count; i++) {
            differing |= wide[i] ^ other[i];
            largestMagnitude = Math.max(largestMagnitude, wide[i] & Integer.MAX_VALUE);
        }
        boolean hasNan = largestMagnitude > INFINITY;
        if (differing == 0 && !hasNan) {
            return false;
        }
        if (!hasNan && isRounded(wide, other, count)) {
            exact = false;
            return false;
        }
        return measure(wide, other, count);
    }

    /// Bit for bit, so that the two zeros are left to [#measure].
    private boolean isRounded(int[] wide, int[] other, int count) {
        if (narrow != ElementReader.BF16) {
            return false;
        }
        int differing = 0;
        for (int i = 0; i < count; i++) {
            int bits = wide[i];
            differing |= (bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000) ^ other[i];
        }
        return differing == 0;
    }

    private boolean measure(int[] wide, int[] other, int count) {
        boolean differs = false;
        boolean same = true;
        double most = largest;
        for (int i = 0; i < count; i++) {
            float w = Float.intBitsToFloat(wide[i]);
            float n = Float.intBitsToFloat(other[i]);
            same &= w == n;
            if (narrow.round(w) != n) {
                differs = true;
                most = Math.max(most, Math.abs((double) w - n));
            }
        }
        exact &= same;
        largest = most;
        return differs;
    }

    private boolean differsAsDoubles(ByteBuffer a, ByteBuffer b) {
        boolean differs = false;
        for (int i = 0; i * first.bytes() < a.limit(); i++) {
            double u = first.value(a, i * first.bytes());
            double v = second.value(b, i * second.bytes());
            exact &= u == v;
            if (narrow.round(firstIsWider ? u : v) != (firstIsWider ? v : u)) {
                differs = true;
                largest = Math.max(largest, Math.abs(u - v));
            }
        }
        return differs;
    }
}
