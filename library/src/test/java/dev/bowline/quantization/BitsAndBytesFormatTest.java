package dev.bowline.quantization;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.fixtures.Golden;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Codes, scales and dequantised values are those of bitsandbytes, bit for bit: whole blocks and shorter ones, blocks
/// that span rows, rows of zeros, values near the ends of float32.
class BitsAndBytesFormatTest {

    private static SafetensorsFile golden;

    @BeforeAll
    static void open() {
        golden = SafetensorsFile.open(Golden.directory("quantization", "matrices.safetensors"));
    }

    @AfterAll
    static void close() {
        golden.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"whole_blocks", "many_blocks", "odd", "last_block_shorter", "blocks_across_rows"})
    void nf4IsThatOfBitsAndBytes(String name) {
        try (TensorScope _ = TensorScope.open();
                Nf4Matrix matrix = (Nf4Matrix) quantized(Quantization.NF4, name)) {
            Nf4Scales.Nested scales = (Nf4Scales.Nested) matrix.scales();

            same(name + ".nf4.nested.codes", HostTensors.bytes(matrix.codes()));
            same(name + ".nf4.nested.absmax", HostTensors.bytes(scales.codes().get()));
            same(
                    name + ".nf4.nested.nested_absmax",
                    HostTensors.bytes(scales.outer().get()));
            same(name + ".nf4.nested.quant_map", MemorySegment.ofArray(Nf4.values()));
            // The map of bitsandbytes depends on the processor in the last bit, so a file has it.
            assertArrayEquals(floats(name + ".nf4.nested.nested_quant_map"), scales.map(), Math.ulp(1f));
            assertEquals(QuantizedMatrix.bytes(Quantization.NF4, matrix.rows(), matrix.columns()), matrix.bytes());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"whole_blocks", "many_blocks", "odd", "last_block_shorter", "blocks_across_rows"})
    void nf4WithQuantisedScalesHasTheValuesOfBitsAndBytes(String name) {
        try (TensorScope _ = TensorScope.open();
                Nf4Matrix own = (Nf4Matrix) quantized(Quantization.NF4, name)) {
            Nf4Scales.Nested scales = (Nf4Scales.Nested) own.scales();
            float[] map = floats(name + ".nf4.nested.nested_quant_map");
            Nf4Matrix matrix = new Nf4Matrix(
                    own.rows(),
                    own.columns(),
                    64,
                    new OwnedTensor(own.codes()),
                    new Nf4Scales.Nested(
                            new OwnedTensor(scales.codes().get()),
                            new OwnedTensor(scales.outer().get()),
                            map,
                            256,
                            scales.offset()));

            sameValues(name + ".nf4.nested", matrix);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"whole_blocks", "many_blocks", "odd", "last_block_shorter", "blocks_across_rows"})
    void nf4WithPlainScalesIsThatOfBitsAndBytes(String name) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor values = values(name);
            Nf4Matrix matrix = new Nf4Matrix(
                    values.size(0),
                    values.size(1),
                    64,
                    new OwnedTensor(
                            tensor(name + ".nf4.plain.codes", Dtype.UINT8).view(-1)),
                    new Nf4Scales.Plain(new OwnedTensor(tensor(name + ".nf4.plain.absmax", Dtype.FLOAT32))));

            sameValues(name + ".nf4.plain", matrix);
            matrix.close();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"whole_blocks", "many_blocks", "odd", "last_block_shorter", "blocks_across_rows"})
    void int8IsThatOfBitsAndBytes(String name) {
        try (TensorScope _ = TensorScope.open();
                Int8Matrix matrix = (Int8Matrix) quantized(Quantization.INT8, name)) {
            same(name + ".int8.codes", HostTensors.bytes(matrix.codes()));
            same(name + ".int8.scales", HostTensors.bytes(matrix.scales()));
            assertEquals(QuantizedMatrix.bytes(Quantization.INT8, matrix.rows(), matrix.columns()), matrix.bytes());
            sameValues(name + ".int8", matrix);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"NF4", "INT8"})
    void aPartHasTheValuesOfTheWhole(Quantization format) {
        try (TensorScope _ = TensorScope.open();
                QuantizedMatrix matrix = quantized(format, "whole_blocks");
                QuantizedMatrix across = quantized(format, "blocks_across_rows")) {
            for (Dtype dtype : List.of(Dtype.FLOAT32, Dtype.BFLOAT16)) {
                for (MatrixPart part : List.of(
                        new MatrixPart(1, 3, 0, 192), new MatrixPart(0, 8, 64, 64), new MatrixPart(2, 5, 64, 128))) {
                    samePart(matrix, part, dtype);
                }
                assertEquals(format == Quantization.NF4 ? 2 : 1, across.rowStep());
                samePart(across, new MatrixPart(2, 3, 0, 96), dtype);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"NF4", "INT8"})
    void aValueThatIsNotFiniteIsRefused(Quantization format) {
        try (TensorScope _ = TensorScope.open()) {
            float[] values = new float[128];
            values[70] = Float.NaN;
            Tensor bad = HostTensors.of(values, 2, 64);

            BowlineException e = assertThrows(
                    BowlineException.class,
                    () -> QuantizedMatrix.quantize(
                            format, "model.q_proj.weight", 2, 64, (from, count) -> flat(bad, from, count)));

            assertTrue(e.problem().contains("'model.q_proj.weight' has a value that is not finite"), e::problem);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"NF4", "INT8"})
    void aClosedMatrixLeavesNoNativeHandle(Quantization format) {
        List<QuantizedMatrix> open = new ArrayList<>();
        long before = Pointer.totalCount();

        try (TensorScope _ = TensorScope.open()) {
            open.add(quantized(format, "odd"));
        }
        open.forEach(QuantizedMatrix::close);

        assertTrue(Pointer.totalCount() <= before, "%d handles left".formatted(Pointer.totalCount() - before));
    }

    private static QuantizedMatrix quantized(Quantization format, String name) {
        Tensor values = values(name);
        return QuantizedMatrix.quantize(
                format, name, values.size(0), values.size(1), (from, count) -> flat(values, from, count));
    }

    private static Tensor flat(Tensor values, long from, long count) {
        return values.view(-1).narrow(0, from, count);
    }

    private static void sameValues(String prefix, QuantizedMatrix matrix) {
        MatrixPart whole = new MatrixPart(0, matrix.rows(), 0, matrix.columns());
        for (Dtype dtype : List.of(Dtype.FLOAT32, Dtype.BFLOAT16)) {
            String key = prefix + "." + dtype.configName();
            if (golden.entries().containsKey(key)) {
                Tensor values = Ops.empty(Device.CPU, dtype, matrix.rows(), matrix.columns());
                matrix.dequantizeInto(values, whole);
                same(key, HostTensors.bytes(values));
                same(key, HostTensors.bytes(matrix.dequantized(dtype)));
            }
        }
    }

    private static void samePart(QuantizedMatrix matrix, MatrixPart part, Dtype dtype) {
        Tensor expected = matrix.dequantized(dtype)
                .narrow(0, part.row(), part.rows())
                .narrow(1, part.column(), part.columns())
                .contiguous();
        Tensor values = Ops.empty(Device.CPU, dtype, part.rows(), part.columns());
        matrix.dequantizeInto(values, part);
        assertTrue(values.equal(expected), () -> "%s of %s".formatted(part, matrix.format()));
        assertTrue(matrix.dequantized(part, dtype).equal(expected), () -> "%s by libtorch".formatted(part));
    }

    private static float[] floats(String key) {
        return golden.bytes(key).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    private static Tensor values(String name) {
        return tensor(name + ".values", Dtype.FLOAT32);
    }

    private static Tensor tensor(String key, Dtype dtype) {
        long[] shape =
                golden.entry(key).shape().stream().mapToLong(Long::longValue).toArray();
        return HostTensors.copyOf(golden.bytes(key), dtype, shape);
    }

    private static void same(String key, MemorySegment bytes) {
        assertEquals(golden.bytes(key).byteSize(), bytes.byteSize(), key);
        assertEquals(
                -1,
                golden.bytes(key).mismatch(bytes),
                () -> key + ": " + first(golden.bytes(key)) + " and " + first(bytes));
    }

    private static List<Byte> first(MemorySegment bytes) {
        List<Byte> first = new ArrayList<>();
        for (int i = 0; i < Math.min(16, bytes.byteSize()); i++) {
            first.add(bytes.get(ValueLayout.JAVA_BYTE, i));
        }
        return first;
    }

    @Test
    void theBytesOfAMatrixAreKnownBefore() {
        assertEquals(4096 * 4096 / 2 + 4096 * 64 + 4096, QuantizedMatrix.bytes(Quantization.NF4, 4096, 4096));
        assertEquals(4096 * 4096 + 4 * 4096, QuantizedMatrix.bytes(Quantization.INT8, 4096, 4096));
    }
}
