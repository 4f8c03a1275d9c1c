package dev.bowline.audit.evidence;

import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.RangeReader;
import dev.bowline.safetensors.TensorEntry;
import java.nio.ByteBuffer;
import java.util.Optional;

/// Judges by a sample of its rows if a head was ever trained.
///
/// @param constant every element seen is the same, or none is a number
/// @param deviation of the elements
/// @param normSpread the rows' norms' standard deviation over their mean
/// @param cosine the mean of each row's cosine with the embedding's row of the same number; NaN without one
public record HeadStatistics(boolean constant, double deviation, double normSpread, double cosine, int rows) {

    private static final int SAMPLE_ROWS = 2048;
    private static final int LARGEST_ROW_BYTES = 16 << 20;

    public static Optional<HeadStatistics> of(PlacedTensor head, Optional<PlacedTensor> embedding) {
        TensorEntry entry = head.entry();
        Optional<ElementReader> type = ElementReader.of(entry.type());
        boolean readable = entry.shape().size() == 2
                && entry.bytes() > 0
                && entry.bytes() / entry.shape().getFirst() <= LARGEST_ROW_BYTES;
        if (type.isEmpty() || !readable) {
            return Optional.empty();
        }
        Optional<PlacedTensor> partner =
                embedding.filter(each -> each.entry().shape().equals(entry.shape())
                        && ElementReader.of(each.entry().type()).isPresent());
        return Optional.of(sampled(head, type.get(), partner));
    }

    private static HeadStatistics sampled(PlacedTensor head, ElementReader type, Optional<PlacedTensor> partner) {
        long rows = head.entry().shape().getFirst();
        int width = Math.toIntExact(head.entry().shape().get(1));
        long step = Math.max(1, rows / SAMPLE_ROWS);
        Moments elements = new Moments();
        Moments norms = new Moments();
        Moments cosines = new Moments();
        double first = Double.NaN;
        boolean constant = true;
        try (RowValues heads = new RowValues(head, type, width);
                RowValues others = partner.isPresent()
                        ? new RowValues(
                                partner.get(),
                                ElementReader.of(partner.get().entry().type()).orElseThrow(),
                                width)
                        : heads) {
            for (long row = 0; row < rows; row += step) {
                double[] h = heads.of(row);
                double squares = 0;
                for (double value : h) {
                    elements.add(value);
                    squares += value * value;
                    first = Double.isNaN(first) ? value : first;
                    constant &= Double.isNaN(value) || value == first;
                }
                norms.add(Math.sqrt(squares));
                if (partner.isPresent()) {
                    cosines.add(cosine(h, others.of(row)));
                }
            }
        }
        return new HeadStatistics(
                constant,
                elements.deviation(),
                norms.deviation() / norms.mean(),
                partner.isPresent() ? cosines.mean() : Double.NaN,
                (int) norms.count);
    }

    /// The norm of a row that is drawn from one normal distribution spreads by 1/sqrt(2 width).
    public static double initialisedSpread(long width) {
        return 1 / Math.sqrt(2.0 * width);
    }

    private static double cosine(double[] a, double[] b) {
        double product = 0;
        double x = 0;
        double y = 0;
        for (int i = 0; i < a.length; i++) {
            product += a[i] * b[i];
            x += a[i] * a[i];
            y += b[i] * b[i];
        }
        return x == 0 || y == 0 ? 0 : product / Math.sqrt(x * y);
    }

    /// Rows as numbers, read through one open file.
    private static final class RowValues implements AutoCloseable {

        private final RangeReader reader;
        private final ElementReader type;
        private final int width;

        RowValues(PlacedTensor tensor, ElementReader type, int width) {
            this.type = type;
            this.width = width;
            reader = new RangeReader(tensor.range(), width * type.bytes());
        }

        double[] of(long row) {
            int rowBytes = width * type.bytes();
            ByteBuffer bytes = reader.at(row * rowBytes).next(rowBytes);
            double[] values = new double[width];
            for (int i = 0; i < width; i++) {
                values[i] = type.value(bytes, i * type.bytes());
            }
            return values;
        }

        @Override
        public void close() {
            reader.close();
        }
    }

    private static final class Moments {
        private long count;
        private double sum;
        private double squares;

        void add(double value) {
            count++;
            sum += value;
            squares += value * value;
        }

        double mean() {
            return sum / count;
        }

        double deviation() {
            return Math.sqrt(Math.max(0, squares / count - mean() * mean()));
        }
    }
}
