package dev.bowline.quantization;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import org.bytedeco.pytorch.Tensor;

/// A matrix of quantised values. It owns its tensors until [#close].
///
/// Shapes: R rows, C columns. A part begins and ends at multiples of [#rowStep] and [#columnStep], or at the end of
/// the matrix. Threads may dequantise parts at the same time.
public sealed interface QuantizedMatrix extends AutoCloseable permits Nf4Matrix, Int8Matrix {

    /// The source of the values of a matrix that is quantised.
    @FunctionalInterface
    interface Values {
        /// Values in row order, as `[count]` float32 on the CPU, contiguous, in the caller's scope.
        ///
        /// @param from the first value
        Tensor of(long from, long count);
    }

    Quantization format();

    long rows();

    long columns();

    /// The bytes of the quantised values and of their scales.
    long bytes();

    /// The number of rows between two places where a part may begin.
    long rowStep();

    /// The number of columns between two places where a part may begin.
    long columnStep();

    /// Writes the values of a part, on the CPU, in parallel.
    ///
    /// @param values [rows, columns] of the part, float32 or bfloat16, contiguous, overwritten
    void dequantizeInto(Tensor values, MatrixPart part);

    /// The values of a part by operators of libtorch, on the device of the matrix.
    ///
    /// @return [rows, columns] of the part, in the caller's scope
    Tensor dequantized(MatrixPart part, Dtype dtype);

    /// Moves the tensors to a device.
    void to(Device device);

    @Override
    void close();

    /// All values, in the caller's scope.
    ///
    /// @return [R, C]
    default Tensor dequantized(Dtype dtype) {
        return dequantized(new MatrixPart(0, rows(), 0, columns()), dtype);
    }

    /// Quantises a matrix, piece by piece.
    ///
    /// @param name of the weight, for errors
    /// @throws dev.bowline.BowlineException if a value is not finite
    static QuantizedMatrix quantize(Quantization format, String name, long rows, long columns, Values values) {
        return switch (format) {
            case NF4 -> Nf4Quantizer.quantize(name, rows, columns, values);
            case INT8 -> Int8Quantizer.quantize(name, rows, columns, values);
        };
    }

    /// The bytes that a matrix of this shape takes.
    static long bytes(Quantization format, long rows, long columns) {
        return switch (format) {
            case NF4 -> Nf4Quantizer.bytes(rows, columns);
            case INT8 -> rows * columns + Float.BYTES * rows;
        };
    }
}
