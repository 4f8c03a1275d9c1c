package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/// Rows that are rounded up have every pair once among the rows of its expert, and a value of zero elsewhere.
class ExpertRowsTest {

    private static final int EXPERTS = 6;

    @Test
    void roundedRowsHoldEveryPairOfAnExpert() {
        Random random = new Random(5);
        // Experts 0 and 3 get no pair; expert 5 gets few.
        long[] index = random.ints(400, 0, 60)
                .mapToLong(i -> i == 0 ? 5 : i < 30 ? 1 : i < 50 ? 2 : 4)
                .toArray();
        try (var _ = TensorScope.open()) {
            Tensor flat = HostTensors.of(index, index.length);
            ExpertRows exact = ExpertRows.of(flat.view(200, 2), EXPERTS);
            ExpertRows rows = exact.roundedUp(flat);
            long[] expected = Arrays.stream(exact.counts())
                    .map(count -> count < 8 ? count : count < 128 ? 8 * ((count + 7) / 8) : 16 * ((count + 15) / 16))
                    .toArray();
            assertArrayEquals(expected, rows.counts());
            long[] order = longs(rows.order());
            long[] inverse = longs(rows.inverse());
            assertEquals(Arrays.stream(expected).sum(), order.length);
            IntStream.range(0, index.length).forEach(pair -> assertEquals(pair, order[Math.toIntExact(inverse[pair])]));
            for (ExpertRows.Group group : rows.groups()) {
                for (long row = group.from(); row < group.from() + group.size(); row++) {
                    assertEquals(group.expert(), index[Math.toIntExact(order[Math.toIntExact(row)])]);
                }
            }

            long[] numbered =
                    IntStream.range(0, index.length).mapToLong(i -> i + 1).toArray();
            long[] values = longs(rows.values(HostTensors.of(numbered, numbered.length)));
            assertEquals(Arrays.stream(numbered).sum(), Arrays.stream(values).sum());
            IntStream.range(0, index.length)
                    .forEach(pair -> assertEquals(pair + 1, values[Math.toIntExact(inverse[pair])]));
        }
    }

    @Test
    void fewRowsStayAsTheyAre() {
        try (var _ = TensorScope.open()) {
            Tensor flat = HostTensors.of(new long[] {0, 2, 2, 5}, 4);
            ExpertRows exact = ExpertRows.of(flat.view(2, 2), EXPERTS);
            assertSame(exact, exact.roundedUp(flat));
        }
    }

    private static long[] longs(Tensor x) {
        return HostTensors.bytes(x).toArray(ValueLayout.JAVA_LONG);
    }
}
