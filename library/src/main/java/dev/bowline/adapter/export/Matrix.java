package dev.bowline.adapter.export;

import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorBytes;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.function.Supplier;

/// A matrix of an adapter in float32, computed when it is written, so that one matrix is in memory at a time.
///
/// @param values row after row
record Matrix(int rows, int columns, Supplier<float[]> values) {

    private static final int PIECE_FLOATS = 1 << 18;

    /// @param bytes of a tensor, little-endian, row after row
    static Matrix of(MemorySegment bytes, SafetensorsType type, long rows, long columns) {
        return new Matrix(
                Math.toIntExact(rows),
                Math.toIntExact(columns),
                () -> floats(bytes, type, Math.multiplyExact(rows, columns)));
    }

    private static float[] floats(MemorySegment bytes, SafetensorsType type, long count) {
        ElementReader reader = ElementReader.of(type)
                .orElseThrow(() -> new IllegalArgumentException(type + " is no type of an adapter's tensors"));
        float[] values = new float[Math.toIntExact(count)];
        for (int from = 0; from < values.length; from += PIECE_FLOATS) {
            int length = Math.min(PIECE_FLOATS, values.length - from);
            ByteBuffer piece = bytes.asSlice((long) from * type.bytes(), (long) length * type.bytes())
                    .asByteBuffer()
                    .order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < length; i++) {
                values[from + i] = (float) reader.value(piece, i * type.bytes());
            }
        }
        return values;
    }

    Matrix times(double factor) {
        return factor == 1
                ? this
                : new Matrix(rows, columns, () -> {
                    float[] product = values.get();
                    for (int i = 0; i < product.length; i++) {
                        product[i] = (float) (factor * product[i]);
                    }
                    return product;
                });
    }

    /// The matrix of `count` rows of this one.
    ///
    /// @param source the row of this matrix that is the row given
    Matrix rows(int count, IntUnaryOperator source) {
        return new Matrix(count, columns, () -> {
            float[] all = values.get();
            float[] chosen = new float[count * columns];
            for (int row = 0; row < count; row++) {
                System.arraycopy(all, source.applyAsInt(row) * columns, chosen, row * columns, columns);
            }
            return chosen;
        });
    }

    /// The matrix with rows of zeros after its own.
    Matrix withRows(int count) {
        return count == rows ? this : new Matrix(count, columns, () -> Arrays.copyOf(values.get(), count * columns));
    }

    /// The matrix with columns of zeros after its own.
    Matrix withColumns(int count) {
        return count == columns
                ? this
                : new Matrix(rows, count, () -> {
                    float[] narrow = values.get();
                    float[] wide = new float[rows * count];
                    for (int row = 0; row < rows; row++) {
                        System.arraycopy(narrow, row * columns, wide, row * count, columns);
                    }
                    return wide;
                });
    }

    Matrix transposed() {
        return new Matrix(columns, rows, () -> {
            float[] own = values.get();
            float[] turned = new float[own.length];
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < columns; column++) {
                    turned[column * rows + row] = own[row * columns + column];
                }
            }
            return turned;
        });
    }

    List<Long> shape() {
        return List.of((long) rows, (long) columns);
    }

    /// The float32 values, little-endian.
    TensorBytes bytes() {
        return this::writeTo;
    }

    private void writeTo(TensorBytes.Sink sink) throws IOException {
        float[] all = values.get();
        ByteBuffer bytes = ByteBuffer.allocate(Math.min(all.length, PIECE_FLOATS) * Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        FloatBuffer floats = bytes.asFloatBuffer();
        for (int from = 0; from < all.length; from += PIECE_FLOATS) {
            int length = Math.min(PIECE_FLOATS, all.length - from);
            floats.clear().put(all, from, length);
            sink.accept(MemorySegment.ofBuffer(bytes.slice(0, length * Float.BYTES)));
        }
    }
}
