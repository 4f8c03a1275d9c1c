package dev.bowline.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.nn.KernelPolicy;
import dev.bowline.quantization.DynamicMap;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// An 8-bit moment is stored as the nearest of 256 values, by both kernel policies alike.
class Int8MomentTest {

    /// The kernel's chunks, and a last block that is not full.
    private static final long ELEMENTS = 3 * 64 * 256 + 100;

    @ParameterizedTest
    @EnumSource
    void bothPoliciesStoreTheSameCodesAndReadTheSameValues(DynamicMap map) {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(7)) {
            Tensor values = values(random, map);
            Int8Moment fused = moment(map, KernelPolicy.FUSED_CPU);
            Int8Moment plain = moment(map, KernelPolicy.LIBTORCH);

            fused.write(values.clone(), 0, 1);
            plain.write(values.clone(), 0, 1);

            assertTrue(fused.codes().equal(plain.codes()));
            assertTrue(fused.absmax().equal(plain.absmax()));
            assertTrue(fused.read(0, ELEMENTS).equal(plain.read(0, ELEMENTS)));
            long from = 5 * Int8Moment.BLOCK;
            assertTrue(fused.read(from, ELEMENTS - from).equal(values(fused).narrow(0, from, ELEMENTS - from)));
        }
    }

    /// Levels lie at most 0.9 / 64 of the scale apart from -1 to 1, or 0.9 / 128 from 0 to 1, and the largest is exact.
    @ParameterizedTest
    @EnumSource
    void theErrorIsAtMostHalfTheDistanceOfLevels(DynamicMap map) {
        double distance = switch (map) {
            case SIGNED -> 0.9 / 64;
            case UNSIGNED -> 0.9 / 128;
        };
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(8)) {
            Tensor values = values(random, map).narrow(0, 0, Int8Moment.BLOCK);
            double largest = values.abs().max().item_double();
            Int8Moment moment = moment(map, KernelPolicy.FUSED_CPU);

            moment.write(values.clone(), 0, 1);

            Tensor stored = moment.read(0, Int8Moment.BLOCK);
            double error = stored.sub(values).abs().max().item_double();
            assertTrue(error <= 0.51 * distance * largest, error + " of " + largest);
            assertEquals(largest, stored.abs().max().item_double(), map == DynamicMap.SIGNED ? 0.01 * largest : 0);
        }
    }

    private static Tensor values(Int8Moment moment) {
        return moment.read(0, ELEMENTS);
    }

    private static Tensor values(RandomSource random, DynamicMap map) {
        Tensor spread =
                random.normal(1, ELEMENTS).mul(random.normal(5, ELEMENTS).exp());
        spread.narrow(0, 256, 256).zero_();
        return switch (map) {
            case SIGNED -> spread;
            case UNSIGNED -> spread.abs();
        };
    }

    private static Int8Moment moment(DynamicMap map, KernelPolicy kernels) {
        Tensor codes = Ops.zeros(Device.CPU, Dtype.UINT8, ELEMENTS);
        codes.fill_(new Scalar(9));
        return new Int8Moment(codes, Ops.zeros(Device.CPU, Dtype.FLOAT32, Int8Moment.blocks(ELEMENTS)), map, kernels);
    }
}
