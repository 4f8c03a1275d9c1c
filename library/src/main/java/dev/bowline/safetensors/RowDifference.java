package dev.bowline.safetensors;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Counts the rows in which two tensors of one shape differ, over one run of rows.
final class RowDifference {

    private final Optional<ElementReader> first;
    private final Optional<CastDifference> cast;
    private final List<Long> sample = new ArrayList<>();
    private long differing;
    private double largest;
    private long ulps;
    private boolean exact = true;
    private int[] x = new int[0];
    private int[] y = new int[0];

    /// The types are known not to be floats, or one and the same, or two that a cast leads between.
    RowDifference(SafetensorsType first, SafetensorsType second) {
        this.first = ElementReader.of(first);
        cast = first == second
                ? Optional.empty()
                : Optional.of(new CastDifference(
                        this.first.orElseThrow(), ElementReader.of(second).orElseThrow()));
    }

    /// @param a whole rows
    /// @param b the same rows
    void accept(ByteBuffer a, ByteBuffer b, long firstRow, int aRowBytes, int bRowBytes) {
        if (cast.isEmpty() && a.mismatch(b) < 0) {
            return;
        }
        for (int row = 0; row * aRowBytes < a.limit(); row++) {
            ByteBuffer x = a.slice(row * aRowBytes, aRowBytes).order(a.order());
            ByteBuffer y = b.slice(row * bRowBytes, bRowBytes).order(b.order());
            if (cast.isPresent() ? cast.get().differs(x, y) : differs(x, y)) {
                differing++;
                if (sample.size() < TensorDifference.MAX_SAMPLE) {
                    sample.add(firstRow + row);
                }
            }
        }
    }

    TensorDifference result(long rows) {
        long firstRow = sample.isEmpty() ? -1 : sample.getFirst();
        return cast.map(each -> new TensorDifference(
                        rows,
                        differing,
                        firstRow,
                        each.largest(),
                        differing == 0 ? 0 : Long.MAX_VALUE,
                        each.isExact(),
                        sample))
                .orElseGet(() -> new TensorDifference(rows, differing, firstRow, largest, ulps, exact, sample));
    }

    private boolean differs(ByteBuffer a, ByteBuffer b) {
        if (a.mismatch(b) < 0) {
            return false;
        }
        exact = false;
        if (first.isEmpty()) {
            largest = Double.NaN;
            ulps = Long.MAX_VALUE;
            return true;
        }
        measure(first.get(), a, b);
        return true;
    }

    /// Every row of an untied head comes here, so elements are read by the row and not one by one.
    private void measure(ElementReader type, ByteBuffer a, ByteBuffer b) {
        int count = a.limit() / type.bytes();
        if (type == ElementReader.F64) {
            for (int at = 0; at < a.limit(); at += type.bytes()) {
                largest = Math.max(largest, Math.abs(type.value(a, at) - type.value(b, at)));
                ulps = Math.max(ulps, Math.abs(type.order(type.bits(a, at)) - type.order(type.bits(b, at))));
            }
            return;
        }
        if (x.length < count) {
            x = new int[count];
            y = new int[count];
        }
        type.bits(a, x, count);
        type.bits(b, y, count);
        int magnitude = type == ElementReader.F32 ? Integer.MAX_VALUE : Short.MAX_VALUE;
        long farthest = ulps;
        float most = 0;
        boolean number = true;
        for (int i = 0; i < count; i++) {
            int u = x[i];
            int v = y[i];
            if (u != v) {
                long p = u < 0 ? -(long) (u & magnitude) : u;
                long q = v < 0 ? -(long) (v & magnitude) : v;
                long distance = p < q ? q - p : p - q;
                farthest = distance > farthest ? distance : farthest;
                float difference = Math.abs(type.value(u) - type.value(v));
                most = difference > most ? difference : most;
                number &= !Float.isNaN(difference);
            }
        }
        ulps = farthest;
        largest = number ? Math.max(largest, most) : Double.NaN;
    }
}
