package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RotaryEmbeddingTest {

    private static final long[] POSITIONS = {0, 1, 2, 3, 4, 5, 6, 300};
    private static final int HEAD = 16;
    private static final int HALF = HEAD / 2;

    /// Bit for bit what autograd makes of the formula written out by halves.
    @ParameterizedTest
    @CsvSource({"FLOAT32, FLOAT32", "BFLOAT16, BFLOAT16", "BFLOAT16, FLOAT32"})
    void valuesAndGradientsAreThoseOfTheFormula(Dtype dtype, Dtype ofTable) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor values = Ops.cast(random(2, POSITIONS.length, 3, HEAD), dtype);
            Tensor gradient = Ops.cast(random(2, POSITIONS.length, 3, HEAD), ofTable);
            RotaryEmbedding.Table table = new Rope(1e4, HEAD, new RopeScaling.None())
                    .table(POSITIONS, 1, POSITIONS[POSITIONS.length - 1] + 1, new Placement(ofTable, Device.CPU));

            Tensor x = values.clone().set_requires_grad(true);
            Tensor y = RotaryEmbedding.rotate(KernelPolicy.FUSED_CPU, x, table);
            Ops.backward(y, gradient);
            Tensor x2 = values.clone().set_requires_grad(true);
            Tensor y2 = writtenOut(Ops.cast(x2, ofTable), table);
            Ops.backward(y2, gradient);

            assertTrue(y.detach().equal(y2.detach()));
            assertTrue(x.grad().equal(x2.grad()));
            assertFalse(y.detach().equal(Ops.cast(values, ofTable)));
            assertFalse(x.grad().equal(Ops.cast(gradient, dtype)));
        }
    }

    private static Tensor writtenOut(Tensor x, RotaryEmbedding.Table table) {
        Tensor cos = table.cos().narrow(-1, 0, HALF);
        Tensor sin = table.sin().narrow(-1, HALF, HALF);
        Tensor a = x.narrow(-1, 0, HALF);
        Tensor b = x.narrow(-1, HALF, HALF);
        return Ops.cat(-1, a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin)));
    }

    private static Tensor random(long... shape) {
        return torch.randn(shape, new TensorOptions(Dtype.FLOAT32.scalarType()));
    }
}
