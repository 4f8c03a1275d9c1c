package dev.bowline.data.check;

import dev.bowline.data.Batch;
import dev.bowline.data.DataPosition;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import java.util.List;

/// The first epoch of a run, with the rows in the order of the run.
///
/// @param rows the rows, with one example each or packed
/// @param steps the optimizer steps
/// @param tokens the tokens of all rows
/// @param trainedTokens the tokens that are trained on
/// @param positions the positions that the model computes, padding included
/// @param positionsIfPacked the positions of the same examples in rows packed to the sequence length
public record EpochData(int rows, int steps, long tokens, long trainedTokens, long positions, long positionsIfPacked) {

    /// @param rowsPerMicroBatch the rows of one forward pass, which are padded to one length
    /// @param longest the most tokens of a packed row
    public static EpochData of(TrainingRows rows, int rowsPerStep, int rowsPerMicroBatch, int longest) {
        long tokens = 0;
        long trained = 0;
        long positions = 0;
        long ifPacked = 0;
        DataPosition at = DataPosition.START;
        while (at.epoch() == DataPosition.START.epoch()) {
            TrainingRows.Step step = rows.step(at, rowsPerStep);
            List<PackedRow> taken = step.rows();
            for (int from = 0; from < taken.size(); from += rowsPerMicroBatch) {
                List<PackedRow> batch = taken.subList(from, Math.min(taken.size(), from + rowsPerMicroBatch));
                positions += (long) Batch.columns(batch) * batch.size();
                tokens += batch.stream().mapToLong(PackedRow::length).sum();
                trained += batch.stream().mapToLong(PackedRow::targetTokens).sum();
            }
            at = step.next();
        }
        for (PackedRow row : PackedRow.packed(rows.examples(), longest)) {
            ifPacked += Batch.columns(List.of(row));
        }
        return new EpochData(rows.size(), rows.stepsPerEpoch(rowsPerStep), tokens, trained, positions, ifPacked);
    }

    /// The share of the computed positions that are tokens, 0 to 1.
    public double efficiency() {
        return (double) tokens / positions;
    }

    /// The same share for packed rows.
    public double efficiencyIfPacked() {
        return (double) tokens / positionsIfPacked;
    }
}
