package dev.bowline.safetensors;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Supplier;

/// Compares the bytes of two tensors in files, reading both once and holding a few rows at a time.
public final class TensorComparison {

    /// Sees the rows of a tensor that are read, in order.
    @FunctionalInterface
    public interface Rows {

        /// @param rows whole rows, valid until this returns
        /// @param first the number of the first of them
        void accept(ByteBuffer rows, long first);
    }

    private static final int LARGEST_ROW_BYTES = 1 << 20;

    private static final Rows UNSEEN = (rows, first) -> {};

    private TensorComparison() {}

    /// True if two tensors of one type and shape have the same bytes; reading stops where they differ.
    public static boolean isSame(TensorRange a, TensorRange b) {
        return a.entry().type() == b.entry().type()
                && a.entry().shape().equals(b.entry().shape())
                && startAlike(a, b, a.entry().bytes());
    }

    /// True if the first `bytes` of both are the same; reading stops where they differ.
    public static boolean startAlike(TensorRange a, TensorRange b, long bytes) {
        return RowPass.over(List.of(a, b), List.of(1, 1), bytes, SameBytes::new).stream()
                .allMatch(part -> part.same);
    }

    /// In which rows two tensors of one shape differ, and how far.
    public static TensorDifference of(TensorRange a, TensorRange b) {
        return of(a, b, () -> UNSEEN);
    }

    /// Reads every byte of both, unless their values cannot be compared or they have no rows.
    ///
    /// @param alongside makes what sees the rows of `b` in the same pass: one for each of the parts in which
    /// they are read, in the parts' order
    public static TensorDifference of(TensorRange a, TensorRange b, Supplier<? extends Rows> alongside) {
        boolean oneType = a.entry().type() == b.entry().type();
        if (hasRows(a) && hasRows(b) && (oneType || areFloats(a, b))) {
            int aBytes = rowBytes(a);
            int bBytes = rowBytes(b);
            long rows = a.entry().shape().getFirst();
            return RowPass.over(
                            List.of(a, b),
                            List.of(aBytes, bBytes),
                            rows,
                            () -> new Compared(
                                    new RowDifference(
                                            a.entry().type(), b.entry().type()),
                                    alongside.get(),
                                    aBytes,
                                    bBytes))
                    .stream()
                    .map(part -> part.difference.result(rows))
                    .reduce(TensorDifference::and)
                    .orElseThrow();
        }
        return oneType && isSame(a, b) ? TensorDifference.NONE : TensorDifference.UNKNOWN;
    }

    /// Lets `visitor` see every row.
    ///
    /// @param visitor as in [#of(TensorRange, TensorRange, Supplier)]
    public static void rows(TensorRange tensor, Supplier<? extends Rows> visitor) {
        if (hasRows(tensor)) {
            RowPass.over(
                    List.of(tensor),
                    List.of(rowBytes(tensor)),
                    tensor.entry().shape().getFirst(),
                    () -> {
                        Rows rows = visitor.get();
                        return (chunk, first) -> {
                            rows.accept(chunk.getFirst(), first);
                            return true;
                        };
                    });
        }
    }

    /// True if it is a matrix whose rows fit memory.
    public static boolean hasRows(TensorRange tensor) {
        TensorEntry entry = tensor.entry();
        return entry.shape().size() == 2
                && entry.bytes() > 0
                && entry.bytes() / entry.shape().getFirst() <= LARGEST_ROW_BYTES;
    }

    private static int rowBytes(TensorRange tensor) {
        return Math.toIntExact(tensor.entry().bytes() / tensor.entry().shape().getFirst());
    }

    private static boolean areFloats(TensorRange a, TensorRange b) {
        return ElementReader.of(a.entry().type()).isPresent()
                && ElementReader.of(b.entry().type()).isPresent();
    }

    private static final class SameBytes implements RowPass.Visitor {

        private boolean same = true;

        @Override
        public boolean accept(List<ByteBuffer> rows, long first) {
            same = rows.get(0).mismatch(rows.get(1)) < 0;
            return same;
        }
    }

    private record Compared(RowDifference difference, Rows alongside, int aBytes, int bBytes)
            implements RowPass.Visitor {

        @Override
        public boolean accept(List<ByteBuffer> rows, long first) {
            difference.accept(rows.get(0), rows.get(1), first, aBytes, bBytes);
            alongside.accept(rows.get(1), first);
            return true;
        }
    }
}
