package dev.bowline.distributed;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Every collective by value, with ranks as threads of one process.
class ProcessGroupTest {

    private static final List<Dtype> DTYPES = List.of(Dtype.FLOAT32, Dtype.BFLOAT16, Dtype.INT64);

    private static Tensor tensor(Dtype dtype, float... values) {
        return Ops.cast(HostTensors.of(values, values.length), dtype);
    }

    private static List<Double> values(Tensor tensor) {
        List<Double> values = new ArrayList<>();
        float[] floats =
                HostTensors.bytes(Ops.cast(tensor.reshape(-1), Dtype.FLOAT32)).toArray(ValueLayout.JAVA_FLOAT);
        for (float value : floats) {
            values.add((double) value);
        }
        return values;
    }

    private static List<Double> doubles(double... values) {
        return Arrays.stream(values).boxed().toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void collectivesOfEachDtype(int world) {
        Ranks.run(world, group -> {
            int rank = group.rank();
            assertEquals(world, group.worldSize());
            for (Dtype dtype : DTYPES) {
                Tensor sum = tensor(dtype, rank + 1, 10 * rank);
                group.allReduce(sum).await();
                int ranks = world * (world - 1) / 2;
                assertEquals(doubles(ranks + world, 10 * ranks), values(sum), dtype + " allReduce");

                Tensor sent = tensor(dtype, rank, 7);
                group.broadcast(sent, world - 1).await();
                assertEquals(doubles(world - 1, 7), values(sent), dtype + " broadcast");

                Tensor whole = Ops.newEmpty(sum, dtype, 2L * world);
                group.allGather(whole, tensor(dtype, rank, -rank)).await();
                double[] gathered = new double[2 * world];
                for (int i = 0; i < world; i++) {
                    gathered[2 * i] = i;
                    gathered[2 * i + 1] = -i;
                }
                assertEquals(
                        doubles(gathered),
                        values(whole).stream().map(value -> value + 0.0).toList(),
                        dtype + " allGather");

                float[] parts = new float[2 * world];
                for (int i = 0; i < parts.length; i++) {
                    parts[i] = i + 10 * rank;
                }
                Tensor mine = Ops.newEmpty(sum, dtype, 2);
                group.reduceScatter(mine, tensor(dtype, parts)).await();
                assertEquals(
                        doubles(2 * rank * world + 10.0 * ranks, (2 * rank + 1) * world + 10.0 * ranks),
                        values(mine),
                        dtype + " reduceScatter");
            }
            return group.rank();
        });
    }

    /// Rank r sends r + t rows to rank t, so rank 0 sends itself none.
    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void rowsTravelInUnevenNumbers(int world) {
        Ranks.run(world, group -> {
            int rank = group.rank();
            long[] fromRows = new long[world];
            long[] toRows = new long[world];
            List<Float> from = new ArrayList<>();
            List<Double> expected = new ArrayList<>();
            for (int other = 0; other < world; other++) {
                fromRows[other] = rank + other;
                toRows[other] = rank + other;
                for (int row = 0; row < rank + other; row++) {
                    from.add((float) (100 * rank + 10 * other + row));
                    from.add(0.5f);
                    expected.add((double) (100 * other + 10 * rank + row));
                    expected.add(0.5);
                }
            }
            float[] sent = new float[from.size()];
            for (int i = 0; i < sent.length; i++) {
                sent[i] = from.get(i);
            }
            Tensor rows = HostTensors.of(sent, sent.length / 2, 2);
            Tensor to = Ops.newEmpty(rows, Dtype.FLOAT32, expected.size() / 2, 2);
            group.allToAll(to, toRows, rows, fromRows).await();
            assertEquals(expected, values(to));
            return rank;
        });
    }

    /// bfloat16 parts are added in float32: 256 + 1 + 1 is 258, and bfloat16 sums would stay at 256.
    @Test
    void aReduceScatterRoundsOnce() {
        Ranks.run(3, group -> {
            Tensor parts = group.rank() == 0 ? tensor(Dtype.BFLOAT16, 256, 256, 256) : tensor(Dtype.BFLOAT16, 1, 1, 1);
            Tensor mine = Ops.newEmpty(parts, Dtype.BFLOAT16, 1);
            group.reduceScatter(mine, parts).await();
            assertEquals(doubles(258), values(mine));
            return 0;
        });
    }

    @Test
    void smallValuesAreGatheredInTheOrderOfTheRanks() {
        List<double[]> sums = Ranks.run(3, group -> {
            int rank = group.rank();
            List<byte[]> texts =
                    group.allGather("rank %s".formatted("x".repeat(5 * rank)).getBytes(StandardCharsets.UTF_8));
            assertEquals(
                    List.of("rank ", "rank xxxxx", "rank xxxxxxxxxx"),
                    texts.stream()
                            .map(text -> new String(text, StandardCharsets.UTF_8))
                            .toList());
            assertEquals(
                    List.of(0, 0, 0),
                    group.allGather(new byte[0]).stream()
                            .map(text -> text.length)
                            .toList());
            return group.allReduceSum(0.1 * (rank + 1), rank);
        });

        assertArrayEquals(new double[] {0.1 + 0.2 + 0.1 * 3, 3}, sums.getFirst());
        assertArrayEquals(sums.getFirst(), sums.getLast());
    }

    @Test
    void subgroupsAreGroupsOfTheirOwn() {
        Ranks.run(4, group -> {
            int pair = group.rank() / 2;
            try (ProcessGroup half = group.subgroup("pair", List.of(2 * pair, 2 * pair + 1))) {
                assertEquals(group.rank() % 2, half.rank());
                assertEquals(2, half.worldSize());
                double[] sum = half.allReduceSum(group.rank());
                assertArrayEquals(new double[] {4 * pair + 1}, sum);
                half.barrier("the pair");
            }
            return 0;
        });
    }

    @Test
    void workMayRunWhileTheCallerComputes() {
        Ranks.run(2, group -> {
            Tensor one = tensor(Dtype.FLOAT32, 1, 2);
            Tensor two = tensor(Dtype.FLOAT32, 3, 4);
            dev.bowline.distributed.Work first = group.allReduce(one);
            dev.bowline.distributed.Work second = group.allReduce(two);
            second.await();
            first.await();
            assertEquals(doubles(2, 4), values(one));
            assertEquals(doubles(6, 8), values(two));
            return 0;
        });
    }

    @Test
    void plansThatDifferAreRefusedOnEveryRank() {
        List<String> problems = Ranks.run(3, group -> {
            Fingerprint plan = Fingerprint.empty().with("version", "1").with("recipe", "r" + group.rank() / 2);
            group.agree(Fingerprint.empty().with("version", "1"));
            BowlineException refused = assertThrows(BowlineException.class, () -> group.agree(plan));
            return refused.problem();
        });

        assertTrue(problems.getFirst().contains("on recipe: rank 0"), problems.getFirst());
        assertTrue(problems.getFirst().contains("has 'r0', and rank 2"), problems.getFirst());
        assertEquals(1, problems.stream().distinct().count());
    }

    @Test
    void aPlatformWithoutGlooIsRefused() {
        BowlineException refused = assertThrows(BowlineException.class, () -> GlooSupport.require("macosx-arm64"));

        assertTrue(refused.problem().contains("macosx-arm64"), refused.problem());
    }
}
