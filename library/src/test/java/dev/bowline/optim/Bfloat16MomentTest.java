package dev.bowline.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/// The second moment in bfloat16 follows small changes on average, where rounding to nearest never would.
class Bfloat16MomentTest {

    private static final int ELEMENTS = 1000;
    private static final int STEPS = 2000;

    /// v = 0.999 v + 0.001 g² from v = 1 with g² = 0.01: a thousandth a step, half a bfloat16 unit or less.
    private static Tensor decayed(Bfloat16Moment.Rounding rounding) {
        Tensor stored = Ops.full(Device.CPU, Dtype.BFLOAT16, 1, ELEMENTS);
        Bfloat16Moment moment = new Bfloat16Moment(stored, rounding, 0);
        for (int step = 1; step <= STEPS; step++) {
            try (TensorScope _ = TensorScope.open()) {
                Tensor v = moment.read(0, ELEMENTS);
                moment.write(Ops.times(v, 0.999).add(Ops.full(Device.CPU, Dtype.FLOAT32, 1e-5, ELEMENTS)), 0, step);
            }
        }
        return Ops.cast(stored, Dtype.FLOAT32);
    }

    @Test
    void ditherFollowsADecayThatRoundingToNearestLoses() {
        double exact = 0.01 + 0.99 * Math.pow(0.999, STEPS);
        try (TensorScope _ = TensorScope.open()) {
            Tensor dithered = decayed(Bfloat16Moment.Rounding.DITHERED);

            assertEquals(exact, dithered.mean().item_double(), 0.01 * exact);
            assertTrue(dithered.max().item_double() < 1.1 * exact, "the largest is " + dithered.max());
            assertTrue(dithered.min().item_double() > 0.9 * exact, "the smallest is " + dithered.min());
            assertEquals(1, decayed(Bfloat16Moment.Rounding.NEAREST).mean().item_double());
        }
    }

    /// Random gradients that become ten times smaller: the weights move as with float32 moments.
    @Test
    void weightsFollowThoseOfFloat32Moments() {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            Parameter exact = zeros();
            Parameter rounded = zeros();
            AdamW.Settings settings = AdamW.Settings.defaults().withWeightDecay(0);
            try (AdamW reference = new AdamW(Map.of("w", exact), settings);
                    AdamW optimizer = new AdamW(Map.of("w", rounded), settings.with(StateDtype.BFLOAT16))) {
                for (int i = 0; i < 1000; i++) {
                    try (TensorScope _ = TensorScope.open()) {
                        double scale = i < 20 ? 1 : 0.1;
                        Tensor gradient = Ops.times(random.normal(1, ELEMENTS).view(-1), scale)
                                .add(Ops.full(Device.CPU, Dtype.FLOAT32, 0.3 * scale, ELEMENTS));
                        exact.gradientBuffer().copy_(gradient);
                        rounded.gradientBuffer().copy_(gradient);
                        reference.step(1e-3);
                        optimizer.step(1e-3);
                    }
                }
                double distance =
                        Ops.norm(exact.value().detach().sub(rounded.value())).item_double();

                assertEquals(0, distance / Ops.norm(exact.value().detach()).item_double(), 0.01);
                Tensor second = Objects.requireNonNull(optimizer.state().get("w.exp_avg_sq"));
                assertEquals(Dtype.BFLOAT16, Dtype.of(second.scalar_type()));
            }
        }
    }

    private static Parameter zeros() {
        Parameter parameter = new Parameter(SlotRole.BASE, ELEMENTS);
        parameter.materialize(Ops.zeros(Device.CPU, Dtype.FLOAT32, ELEMENTS));
        return parameter;
    }
}
