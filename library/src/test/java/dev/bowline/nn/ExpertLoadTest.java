package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/// Every choice of an expert in a counted pass is counted once, and none in another.
class ExpertLoadTest {

    private static final int WIDTH = 8;

    @Test
    void choicesAreCountedUnderTheirLayer() {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            GatedExperts experts = new GatedExperts("layers.0.experts", 4, WIDTH, 16);
            experts.gateUp().weight().get().materialize(random.normal(1, 4, 32, WIDTH));
            experts.down().weight().get().materialize(random.normal(1, 4, WIDTH, 16));
            Tensor x = random.normal(1, 3, WIDTH);
            Tensor index = HostTensors.of(new long[] {0, 2, 2, 1, 2, 0}, 3, 2);
            Tensor shares = random.normal(1, 3, 2);
            ExpertLoad load = new ExpertLoad();

            load.during(Optional.empty(), () -> experts.forward(x, index, shares));
            Tensor firstAndLast = HostTensors.of(new long[] {0, 2}, 2);
            load.during(Optional.of(firstAndLast), () -> experts.forward(x, index, shares));
            experts.forward(x, index, shares);

            assertEquals(Set.of("layers.0.experts"), load.chosen().keySet());
            // All three tokens: 2, 1, 3, 0. The first and the last: 2, 0, 2, 0.
            assertArrayEquals(
                    new long[] {4, 1, 5, 0}, load.chosen().sequencedValues().getFirst());
        }
    }
}
