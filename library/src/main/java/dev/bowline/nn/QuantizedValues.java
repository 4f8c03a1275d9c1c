package dev.bowline.nn;

import dev.bowline.quantization.Quantization;
import dev.bowline.quantization.QuantizedMatrix;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/// The quantised values of a parameter: a matrix, or E for a parameter of shape [E, rows, columns]. It owns them.
final class QuantizedValues implements AutoCloseable {

    private final Quantization format;
    private List<QuantizedMatrix> matrices = List.of();

    QuantizedValues(Quantization format) {
        this.format = format;
    }

    Quantization format() {
        return format;
    }

    /// Quantises new values.
    ///
    /// @param name of the weight, for errors
    /// @param shape of the parameter, two dimensions or three
    void quantize(String name, long[] shape, Device device, QuantizedMatrix.Values values) {
        long rows = shape[shape.length - 2];
        long columns = shape[shape.length - 1];
        long matrixCount = shape.length == 2 ? 1 : shape[0];
        List<QuantizedMatrix> quantized = new ArrayList<>();
        for (long matrix = 0; matrix < matrixCount; matrix++) {
            long first = matrix * rows * columns;
            quantized.add(QuantizedMatrix.quantize(
                    format, name, rows, columns, (from, count) -> values.of(first + from, count)));
        }
        replace(quantized, device);
    }

    void replace(List<QuantizedMatrix> others, Device device) {
        others.forEach(matrix -> matrix.to(device));
        close();
        matrices = List.copyOf(others);
    }

    boolean isEmpty() {
        return matrices.isEmpty();
    }

    QuantizedMatrix matrix(int index) {
        return matrices.get(index);
    }

    /// @return [E × rows, columns]
    Tensor dequantized(Dtype dtype) {
        return Ops.cat(
                0, matrices.stream().map(matrix -> matrix.dequantized(dtype)).toArray(Tensor[]::new));
    }

    /// The sum of the squares of all values.
    double squares() {
        double sum = 0;
        for (QuantizedMatrix matrix : matrices) {
            try (TensorScope _ = TensorScope.open()) {
                Tensor values = matrix.dequantized(Dtype.FLOAT32).flatten();
                sum += values.dot(values).item_double();
            }
        }
        return sum;
    }

    long bytes() {
        return matrices.stream().mapToLong(QuantizedMatrix::bytes).sum();
    }

    void to(Device device) {
        matrices.forEach(matrix -> matrix.to(device));
    }

    @Override
    public void close() {
        matrices.forEach(QuantizedMatrix::close);
        matrices = List.of();
    }
}
