package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.quantization.Quantization;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import java.util.OptionalLong;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// A quantised linear computes as a dense linear with the dequantised weight, in the forward pass and in the backward
/// pass, under both kernel policies: bit for bit where one tile holds the weight, else up to the order of additions.
class QuantizedLinearTest {

    @BeforeEach
    void seed() {
        torch.manual_seed(5);
    }

    @ParameterizedTest
    @CsvSource({
        "NF4, FLOAT32, FUSED_CPU, NONE",
        "NF4, FLOAT32, LIBTORCH, PRESENT",
        "NF4, BFLOAT16, FUSED_CPU, PRESENT",
        "NF4, BFLOAT16, LIBTORCH, NONE",
        "INT8, FLOAT32, FUSED_CPU, PRESENT",
        "INT8, FLOAT32, LIBTORCH, NONE",
        "INT8, BFLOAT16, FUSED_CPU, NONE",
        "INT8, BFLOAT16, LIBTORCH, PRESENT",
    })
    void equalsADenseLinearWithTheDequantisedWeight(
            Quantization format, Dtype dtype, KernelPolicy kernels, Linear.Bias bias) {
        try (TensorScope _ = TensorScope.open()) {
            compare(format, dtype, kernels, bias, 96, 40, 0);
            compare(format, dtype, kernels, bias, 50, 70, 0);
        }
    }

    @ParameterizedTest
    @CsvSource({"NF4, FLOAT32", "INT8, BFLOAT16"})
    void severalTilesComputeOneProduct(Quantization format, Dtype dtype) {
        try (TensorScope _ = TensorScope.open()) {
            double bound = dtype == Dtype.FLOAT32 ? 1e-4 : 0.5;
            compare(format, dtype, KernelPolicy.FUSED_CPU, Linear.Bias.NONE, 1920, 1300, bound);
        }
    }

    private static void compare(
            Quantization format, Dtype dtype, KernelPolicy kernels, Linear.Bias bias, long in, long out, double bound) {
        Linear quantized = new Linear("linear", in, out, bias);
        quantized.useKernels(kernels);
        Linear dense = new Linear("dense", in, out, bias);
        dense.useKernels(kernels);
        quantized.weight().get().materialize(random(Dtype.FLOAT32, out, in));
        quantized.quantize(format);
        dense.weight().get().materialize(quantized.weight().get().matrix(0).dequantized(dtype));
        quantized.bias().ifPresent(slot -> {
            slot.get().materialize(random(dtype, out));
            dense.bias().orElseThrow().get().materialize(slot.tensor().detach().clone());
        });
        dense.weight().get().freeze();
        LinearOperator actual = quantized.operator();
        LinearOperator expected = dense.operator();
        Tensor x = random(dtype, 9, in);
        Tensor dy = random(dtype, 9, out);

        Tensor y = Ops.newEmpty(x, dtype, 9, out);
        Tensor wanted = Ops.newEmpty(x, dtype, 9, out);
        actual.forwardInto(y, x);
        expected.forwardInto(wanted, x);
        close(wanted, y, bound);

        close(expected.inputGradient(dy), actual.inputGradient(dy), bound);
        Tensor sum = random(dtype, 9, in);
        Tensor wantedSum = sum.clone();
        actual.addInputGradient(sum, dy, -0.5);
        expected.addInputGradient(wantedSum, dy, -0.5);
        close(wantedSum, sum, bound);

        Tensor leaf = x.view(3, 3, in).detach().clone().set_requires_grad(true);
        Tensor wantedLeaf = leaf.detach().clone().set_requires_grad(true);
        double autogradBound = Math.max(bound, dtype == Dtype.FLOAT32 ? 1e-4 : 0.5);
        Tensor recorded = quantized.forward(leaf);
        Tensor wantedRecorded = dense.forward(wantedLeaf);
        close(wantedRecorded, recorded, autogradBound);
        Ops.backward(recorded, dy.view(3, 3, out));
        Ops.backward(wantedRecorded, dy.view(3, 3, out));
        close(wantedLeaf.grad(), leaf.grad(), autogradBound);
        assertEquals(
                dense.bias().map(slot -> slot.get().gradient().isPresent()),
                quantized.bias().map(slot -> slot.get().gradient().isPresent()));
        quantized
                .bias()
                .ifPresent(slot -> close(
                        dense.bias().orElseThrow().get().gradient().orElseThrow(),
                        slot.get().gradient().orElseThrow(),
                        autogradBound));
        quantized.parameters().values().forEach(Parameter::close);
        dense.parameters().values().forEach(Parameter::close);
    }

    @ParameterizedTest
    @EnumSource(Quantization.class)
    void everyExpertOfAStackIsAMatrixOfItsOwn(Quantization format) {
        try (TensorScope _ = TensorScope.open()) {
            LinearStack stack = new LinearStack("experts.down_proj", 3, 30, 7);
            Tensor values = random(Dtype.FLOAT32, 3, 7, 30);
            for (int expert = 0; expert < 3; expert++) {
                stack.expert(expert).quantize(format);
            }
            stack.weight().get().materialize(values);
            Tensor x = random(Dtype.FLOAT32, 4, 30);

            for (int expert = 0; expert < 3; expert++) {
                Tensor y = stack.expert(expert).forward(x);
                Tensor dense = torch.linear(x, values.select(0, expert));
                assertTrue(Ops.norm(y.sub(dense)).item_double()
                        < 0.2 * Ops.norm(dense).item_double());
                assertEquals(
                        0, Ops.norm(stack.split().get(expert).apply(x).sub(y)).item_double());
            }
            assertEquals(1, stack.parameters().size());
            stack.weight().get().close();
        }
    }

    @Test
    void gatedExpertsComputeWithQuantisedMatrices() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor gateUp = random(Dtype.FLOAT32, 4, 2 * 16, 64);
            Tensor down = random(Dtype.FLOAT32, 4, 64, 16);
            Tensor x = random(Dtype.FLOAT32, 24, 64);
            Tensor index = torch.randint(0, 4, new long[] {24, 2}, new TensorOptions(torch.ScalarType.Long));
            Tensor weight = torch.rand(new long[] {24, 2}, new TensorOptions(torch.ScalarType.Float));
            Tensor dy = random(Dtype.FLOAT32, 24, 64);
            GatedExperts quantized = new GatedExperts("experts", 4, 64, 16);
            quantized.linears().values().forEach(linear -> linear.quantize(Quantization.NF4));
            quantized.gateUp().weight().get().materialize(gateUp);
            quantized.down().weight().get().materialize(down);
            GatedExperts dense = new GatedExperts("experts", 4, 64, 16);
            dense.gateUp().weight().get().materialize(dequantized(quantized.gateUp()));
            dense.down().weight().get().materialize(dequantized(quantized.down()));
            dense.parameters().values().forEach(Parameter::freeze);

            for (KernelPolicy kernels : KernelPolicy.values()) {
                quantized.useKernels(kernels);
                dense.useKernels(kernels);
                Tensor leaf = x.clone().set_requires_grad(true);
                Tensor wantedLeaf = x.clone().set_requires_grad(true);
                Tensor y = quantized.forward(leaf, index, weight);
                Tensor wanted = dense.forward(wantedLeaf, index, weight);
                close(wanted, y, 2e-3);
                Ops.backward(y, dy);
                Ops.backward(wanted, dy);
                close(wantedLeaf.grad(), leaf.grad(), 2e-2);
            }
            quantized.parameters().values().forEach(Parameter::close);
            dense.parameters().values().forEach(Parameter::close);
        }
    }

    private static Tensor dequantized(LinearStack stack) {
        Parameter parameter = stack.weight().get();
        Tensor[] matrices = new Tensor[(int) parameter.shape()[0]];
        for (int i = 0; i < matrices.length; i++) {
            matrices[i] = parameter.matrix(i).dequantized(Dtype.FLOAT32).unsqueeze(0);
        }
        return Ops.cat(0, matrices);
    }

    @Test
    void aQuantisedWeightCannotBeTrainedOrReadAsATensor() {
        try (TensorScope _ = TensorScope.open()) {
            Linear linear = new Linear("mlp.up_proj", 64, 8);
            linear.weight().get().materialize(random(Dtype.FLOAT32, 8, 64));
            linear.quantize(Quantization.NF4);
            Parameter parameter = linear.weight().get();

            assertFalse(parameter.requiresGrad());
            assertEquals(Optional.of(Quantization.NF4), parameter.quantization());
            assertEquals(8 * 64 / 2 + 8 + 4, parameter.quantizedBytes());
            assertTrue(assertThrows(BowlineException.class, parameter::unfreeze)
                    .problem()
                    .contains("quantised values cannot be trained"));
            assertTrue(assertThrows(BowlineException.class, linear.weight()::tensor)
                    .problem()
                    .contains("'mlp.up_proj.weight' is quantised to nf4"));
            parameter.cast(Dtype.BFLOAT16);
            assertEquals(8 * 64 / 2 + 8 + 4, parameter.quantizedBytes());
            parameter.close();
        }
    }

    @Test
    void theWeightOfAnotherLayerIsNotQuantised() {
        Linear head = new Linear("lm_head", 8, 16);
        head.weight().tieTo(new Embedding("embed_tokens", 16, 8, OptionalLong.empty()).weight());

        assertThrows(IllegalArgumentException.class, () -> head.quantize(Quantization.INT8));
    }

    @Test
    void aStepLeavesNoNativeHandle() {
        try (TensorScope _ = TensorScope.open()) {
            Linear linear = new Linear("linear", 64, 32);
            linear.weight().get().materialize(random(Dtype.FLOAT32, 32, 64));
            linear.quantize(Quantization.NF4);
            step(linear);
            long before = Pointer.totalCount();

            for (int i = 0; i < 3; i++) {
                step(linear);
            }

            assertTrue(Pointer.totalCount() <= before, "%d left".formatted(Pointer.totalCount() - before));
            linear.weight().get().close();
        }
    }

    private static void step(Linear linear) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor x = random(Dtype.FLOAT32, 4, 64).set_requires_grad(true);
            linear.forward(x).mul(new Scalar(2.0)).sum().backward();
        }
    }

    private static Tensor random(Dtype dtype, long... shape) {
        return torch.randn(shape, new TensorOptions(torch.ScalarType.Float)).to(dtype.scalarType());
    }

    private static void close(Tensor expected, Tensor actual, double bound) {
        double difference =
                Ops.cast(expected.sub(actual), Dtype.FLOAT32).abs().max().item_double();
        assertTrue(difference <= bound, () -> "difference %s, more than %s".formatted(difference, bound));
    }
}
