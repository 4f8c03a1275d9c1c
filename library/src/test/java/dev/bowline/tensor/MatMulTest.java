package dev.bowline.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// bfloat16 products in pieces of float32 are the exact product, rounded once. Operands are small integers, so that the
/// float32 product they are compared with is exact, and many of its elements are no bfloat16.
class MatMulTest {

    private static final MatMul PIECES = new MatMul(MatMul.Bfloat16.FLOAT32_PIECES, 4);

    /// Sizes below, at and above a piece, and several pieces of each dimension.
    @ParameterizedTest
    @CsvSource({"1, 1, 1", "3, 2, 4", "4, 4, 4", "5, 9, 6", "11, 13, 10"})
    void eachElementIsRoundedOnce(int rows, int inner, int columns) {
        try (var _ = TensorScope.open()) {
            Tensor a = integers(1, rows, inner);
            // Transposed, as a weight is.
            Tensor b = integers(2, columns, inner).t();
            Tensor exact = a.matmul(b);

            Tensor product = Ops.empty(Device.CPU, Dtype.BFLOAT16, rows, columns);
            product.fill_(new Scalar(1e30));
            PIECES.replace(product, bfloat16(a), bfloat16(b), 1);
            same(bfloat16(exact), product);

            PIECES.replace(product, bfloat16(a), bfloat16(b), 0.5);
            same(bfloat16(Ops.times(exact, 0.5)), product);

            Tensor before = integers(3, rows, columns);
            Tensor sum = bfloat16(before).clone();
            PIECES.increase(sum, bfloat16(a), bfloat16(b), 2);
            same(bfloat16(before.add(exact, new Scalar(2.0))), sum);
        }
    }

    @Test
    void aSumInFloat32IsNotRounded() {
        try (var _ = TensorScope.open()) {
            Tensor a = integers(1, 6, 9);
            Tensor b = integers(2, 9, 7);
            Tensor sum = Ops.full(Device.CPU, Dtype.FLOAT32, 1, 6, 7);
            PIECES.increase(sum, bfloat16(a), bfloat16(b), 1);
            same(a.matmul(b).add(new Scalar(1.0)), sum);
        }
    }

    /// Without a bias; with one, which is added before the rounding; and of a single row.
    @Test
    void aProjectionKeepsTheLeadingDimensions() {
        try (var _ = TensorScope.open()) {
            Tensor x = integers(1, 2, 3, 9);
            Tensor w = integers(2, 7, 9);
            Tensor bias = integers(3, 7);
            Tensor exact = x.matmul(w.t());
            Tensor none = PIECES.projected(bfloat16(x), bfloat16(w), new TensorOptional());
            same(bfloat16(exact), none);
            Tensor added = PIECES.projected(bfloat16(x), bfloat16(w), new TensorOptional(bfloat16(bias)));
            same(bfloat16(exact.add(bias)), added);
            Tensor one = x.narrow(0, 0, 1).narrow(1, 0, 1);
            same(bfloat16(one.matmul(w.t())), PIECES.projected(bfloat16(one), bfloat16(w), new TensorOptional()));
        }
    }

    @Test
    void batchedProductsAreRoundedOnceAndRecorded() {
        try (var _ = TensorScope.open()) {
            Tensor a = integers(1, 3, 5, 9);
            Tensor b = integers(2, 3, 9, 6);
            Tensor operand = bfloat16(a).set_requires_grad(true);
            Tensor product = PIECES.each(operand, bfloat16(b));
            same(bfloat16(a.bmm(b)), product.detach());
            Ops.backward(product, torch.ones_like(product));
            Tensor expected = torch.ones_like(a.bmm(b)).bmm(b.transpose(1, 2));
            same(bfloat16(expected), operand.grad());
        }
    }

    @Test
    void otherTypesAreMultipliedByLibtorch() {
        try (var _ = TensorScope.open()) {
            Tensor a = integers(1, 5, 9);
            Tensor b = integers(2, 9, 6);
            Tensor product = Ops.empty(Device.CPU, Dtype.FLOAT32, 5, 6);
            PIECES.replace(product, a, b, 1);
            same(a.matmul(b), product);
            same(a.matmul(b), MatMul.of(a, b));
            assertTrue(MatMul.isDirect(Dtype.FLOAT32));
        }
    }

    /// Up to 25: squares of up to 625, sums of 10 and more of them beyond the 256 up to which bfloat16 has every
    /// integer.
    private static Tensor integers(int seed, long... shape) {
        torch.manual_seed(seed);
        return Ops.cast(torch.randint(-25, 26, shape), Dtype.FLOAT32);
    }

    private static Tensor bfloat16(Tensor x) {
        return Ops.cast(x, Dtype.BFLOAT16);
    }

    private static void same(Tensor expected, Tensor actual) {
        assertEquals(Dtype.of(expected.scalar_type()), Dtype.of(actual.scalar_type()));
        assertTrue(torch.equal(expected, actual));
    }
}
