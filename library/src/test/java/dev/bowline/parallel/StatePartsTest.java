package dev.bowline.parallel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.Ranks;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.StateBytes;
import dev.bowline.parallel.StateSlices.Slice;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class StatePartsTest {

    private static final int ELEMENTS = 2000;

    /// Rank 0 has the first 100 elements, rank 2 the next 1,500, and rank 1 none.
    private static StateSlices slices(Parameter parameter) {
        return new StateSlices(List.of(
                new Slice("w", parameter, 0, 100, 0),
                new Slice("w", parameter, 100, 1500, 2),
                new Slice("w", parameter, 1600, 400, 3)));
    }

    private static float[] values(int from, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = from + i;
        }
        return values;
    }

    private static Map<String, Tensor> own(StateSlices slices, int rank) {
        Map<String, Tensor> own = new HashMap<>();
        for (Slice slice : slices.of(rank)) {
            int count = Math.toIntExact(slice.length());
            float[] values = values(Math.toIntExact(slice.from()), count);
            own.put("w.exp_avg", HostTensors.of(values, count));
            own.put("w.exp_avg_sq", HostTensors.of(values, count));
            own.put("w.step", HostTensors.of(new float[] {7}, 1).view());
        }
        return own;
    }

    private static StateParts parts(ProcessGroup group) {
        Parameter parameter = new Parameter(SlotRole.BASE, ELEMENTS);
        SequencedMap<String, Parameter> trainable = new LinkedHashMap<>(Map.of("w", parameter));
        StateSlices slices = slices(parameter);
        Map<String, Tensor> own = own(slices, group.rank());
        AdamW.Settings settings = AdamW.Settings.defaults();
        return new StateParts(
                group, slices, trainable, each -> settings.layout(Dtype.FLOAT32, each.shape()), () -> own, 1024);
    }

    /// Chunks of 256 elements, which begin and end inside of parts.
    @Test
    void theFirstRankReadsTheWholeInChunks() {
        List<Map<String, byte[]>> read = Ranks.run(4, group -> {
            try (TensorScope _ = TensorScope.open()) {
                StateParts parts = parts(group);
                Map<String, byte[]> bytes = new HashMap<>();
                List<Long> longest = new ArrayList<>();
                new ServedValues(group, List.of(), Optional.of(parts)).onFirst(() -> {
                    bytes.putAll(StateBytes.of(parts));
                    parts.read("w.exp_avg", piece -> longest.add(piece.numel()));
                });
                if (group.isFirst()) {
                    assertEquals(List.of(100L, 256L, 256L, 256L, 256L, 256L, 256L, 256L, 108L), longest);
                }
                return bytes;
            }
        });

        byte[] whole = MemorySegment.ofArray(values(0, ELEMENTS)).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
        assertArrayEquals(whole, Objects.requireNonNull(read.getFirst().get("w.exp_avg")));
        assertArrayEquals(whole, Objects.requireNonNull(read.getFirst().get("w.exp_avg_sq")));
        assertEquals(4, Objects.requireNonNull(read.getFirst().get("w.step")).length);
        assertEquals(Map.of(), read.getLast());
    }

    /// A failure of the first rank, such as a full disk, ends the service, and the other ranks have none.
    @Test
    void aFailureOfTheFirstRankEndsTheService() {
        List<Boolean> ended = Ranks.run(4, group -> {
            try (TensorScope _ = TensorScope.open()) {
                StateParts parts = parts(group);
                ServedValues values = new ServedValues(group, List.of(), Optional.of(parts));
                Runnable work = () -> parts.read("w.exp_avg", piece -> {
                    if (piece.numel() == 256) {
                        throw new IllegalStateException("full");
                    }
                });
                if (group.isFirst()) {
                    assertEquals(
                            "full",
                            assertThrows(IllegalStateException.class, () -> values.onFirst(work))
                                    .getMessage());
                } else {
                    values.onFirst(work);
                }
                assertThrows(IllegalStateException.class, () -> parts.read("w.exp_avg", _ -> {}));
                return true;
            }
        });

        assertEquals(List.of(true, true, true, true), ended);
    }
}
