package dev.bowline.data.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.data.Batch;
import dev.bowline.data.DataPosition;
import dev.bowline.data.Example;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class EpochDataTest {

    private static final List<Example> EXAMPLES = List.of(example(3), example(20), example(9), example(17), example(5));

    private static Example example(int length) {
        boolean[] targets = new boolean[length];
        targets[length - 1] = true;
        return new Example(new int[length], targets, "data:" + length);
    }

    /// The reference makes the batches that a run makes and counts their positions.
    @Test
    void positionsAreThoseOfTheBatchesOfARun() {
        TrainingRows rows = new TrainingRows(PackedRow.unpacked(EXAMPLES), TrainingRows.Order.SHUFFLED, 7);
        List<Batch> batches = new ArrayList<>();
        DataPosition at = DataPosition.START;
        while (at.epoch() == 0) {
            TrainingRows.Step step = rows.step(at, 3);
            for (int from = 0; from < step.rows().size(); from += 2) {
                batches.add(Batch.of(
                        step.rows().subList(from, Math.min(step.rows().size(), from + 2)), 0));
            }
            at = step.next();
        }

        EpochData epoch = EpochData.of(rows, 3, 2, 32);

        assertEquals(
                batches.stream().mapToLong(batch -> batch.inputIds().length).sum(), epoch.positions());
        assertEquals(54, epoch.tokens());
        assertEquals(5, epoch.trainedTokens());
        assertEquals(2, epoch.steps());
        assertEquals(54.0 / epoch.positions(), epoch.efficiency());
    }

    /// First fit puts 3, 20, 9 into one row of 32 and 17, 5 into another of 22, which a batch pads to 24.
    @Test
    void packedRowsArePaddedAsBatchesAre() {
        TrainingRows rows = new TrainingRows(PackedRow.unpacked(EXAMPLES), TrainingRows.Order.AS_READ, 7);

        assertEquals(32 + 24, EpochData.of(rows, 3, 2, 32).positionsIfPacked());
    }
}
