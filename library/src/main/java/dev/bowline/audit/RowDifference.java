package dev.bowline.audit;

import dev.bowline.audit.PhysicalState.Difference;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Counts the rows in which two tensors of one shape differ.
final class RowDifference {

    private static final int SAMPLE = 20;

    private final Optional<ElementReader> head;
    private final Optional<ElementReader> embedding;
    private final List<Long> sample = new ArrayList<>();
    private long rows;
    private long differing;
    private long first = -1;
    private double largest;
    private long ulps;
    private boolean valuesKnown = true;

    /// @param head empty for a type whose values are not compared as numbers; likewise `embedding`
    RowDifference(Optional<ElementReader> head, Optional<ElementReader> embedding) {
        this.head = head;
        this.embedding = embedding;
    }

    /// Two tensors of one type: `a` and `b` are the same whole rows of both.
    void accept(ByteBuffer a, ByteBuffer b, long firstRow, int rowBytes) {
        for (int at = 0; at < a.limit(); at += rowBytes) {
            if (a.slice(at, rowBytes).mismatch(b.slice(at, rowBytes)) >= 0) {
                count(firstRow + at / rowBytes);
                measure(a, b, at, rowBytes);
            }
        }
        rows = firstRow + a.limit() / rowBytes;
    }

    /// A row of which only this is known.
    void count(long row) {
        if (first < 0) {
            first = row;
        }
        differing++;
        if (sample.size() < SAMPLE) {
            sample.add(row);
        }
    }

    void measure(double a, double b) {
        double distance = Math.abs(a - b);
        largest = Double.isNaN(distance) || Double.isNaN(largest) ? Double.NaN : Math.max(largest, distance);
    }

    private void measure(ByteBuffer a, ByteBuffer b, int at, int rowBytes) {
        if (head.isEmpty() || embedding.isEmpty()) {
            valuesKnown = false;
            return;
        }
        ElementReader type = head.get();
        for (int i = at; i < at + rowBytes; i += type.bytes()) {
            long x = type.bits(a, i);
            long y = type.bits(b, i);
            if (x != y) {
                measure(type.value(a, i), type.value(b, i));
                ulps = Math.max(ulps, Math.abs(type.order(x) - type.order(y)));
            }
        }
    }

    /// @param all how many rows there are
    Difference result(long all) {
        return new Difference(
                Math.max(all, rows),
                differing,
                first,
                valuesKnown ? largest : Double.NaN,
                valuesKnown && head.equals(embedding) ? ulps : Long.MAX_VALUE,
                sample);
    }
}
