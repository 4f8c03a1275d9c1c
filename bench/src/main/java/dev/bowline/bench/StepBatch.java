package dev.bowline.bench;

import dev.bowline.data.Example;
import dev.bowline.data.PackedRow;
import dev.bowline.safetensors.SafetensorsFile;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The batch that the programs in Python wrote, and the figures that both sides print.
final class StepBatch {

    private StepBatch() {}

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted.length % 2 == 1
                ? sorted[sorted.length / 2]
                : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
    }

    /// One row per row of `input_ids`, every token a target, as in the other program.
    static List<PackedRow> rows(Path file) {
        try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
            List<Long> shape = tensors.entry("input_ids").shape();
            var ids = tensors.bytes("input_ids")
                    .asByteBuffer()
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asLongBuffer();
            List<Example> examples = new ArrayList<>();
            for (int row = 0; row < shape.get(0); row++) {
                int[] values = new int[Math.toIntExact(shape.get(1))];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (int) ids.get(row * values.length + i);
                }
                boolean[] targets = new boolean[values.length];
                Arrays.fill(targets, true);
                examples.add(new Example(values, targets, file + ":" + (row + 1)));
            }
            return PackedRow.unpacked(examples);
        }
    }
}
