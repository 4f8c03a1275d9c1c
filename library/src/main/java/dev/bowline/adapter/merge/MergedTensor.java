package dev.bowline.adapter.merge;

import dev.bowline.BowlineException;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// The bytes of one merged tensor: read, changed and rounded once, a few rows at a time.
final class MergedTensor implements TensorBytes {

    private final String key;
    private final MergedRows rows;
    private final Dtype base;
    private final Dtype stored;
    private final Map<Kind, Rounding> roundings = new EnumMap<>(Kind.class);
    private long appliedRows;
    private boolean isCounted;

    /// @param base the dtype of the base's tensor
    /// @param stored the dtype of the merged tensor
    MergedTensor(String key, MergedRows rows, Dtype base, Dtype stored) {
        this.key = key;
        this.rows = rows;
        this.base = base;
        this.stored = stored;
    }

    /// The losses by rounding, once the tensor was written.
    Map<Kind, Rounding> roundings() {
        return roundings;
    }

    /// The number of rows that the changes wrote, each change by itself.
    long appliedRows() {
        return appliedRows;
    }

    /// True if the merged tensor has fewer bits than float32.
    boolean isRounded() {
        return stored.bytes() < Dtype.FLOAT32.bytes();
    }

    /// The changes of this tensor.
    List<PlacedChange> changes() {
        return rows.changes();
    }

    @Override
    public void writeTo(Sink sink) throws IOException {
        long piece = rows.pieceRows();
        for (long from = 0; from < rows.count(); from += piece) {
            long count = Math.min(piece, rows.count() - from);
            try (TensorScope _ = TensorScope.open()) {
                sink.accept(HostTensors.bytes(merged(from, count)));
            }
        }
        isCounted = true;
    }

    private Tensor merged(long from, long count) {
        boolean isWide = base.bytes() > 2 || stored.bytes() > 2;
        Dtype working = isWide ? Dtype.FLOAT64 : Dtype.FLOAT32;
        Tensor before = rows.base().read(from, count, working);
        Tensor after = before.clone();
        rows.change(after, from);
        Tensor rounded = Ops.cast(after, stored);
        List<PlacedChange> changes = rows.in(from, count);
        if (!isCounted && !changes.isEmpty()) {
            changes.forEach(each -> appliedRows += Math.min(from + count, each.end()) - Math.max(from, each.first()));
            count(changes, before, after, Ops.cast(rounded, working), Ops.cast(Ops.cast(before, stored), working));
        }
        return rounded;
    }

    /// Compares the changes before and after rounding. A base in a wider dtype is rounded too, which is no loss
    /// of a change.
    private void count(
            List<PlacedChange> changes, Tensor before, Tensor after, Tensor roundedAfter, Tensor roundedBefore) {
        Tensor delta = after.sub(before);
        Tensor kept = roundedAfter.sub(roundedBefore);
        Tensor lost = kept.sub(delta);
        Tensor changed = delta.ne(new Scalar(0.0));
        Tensor vanished = kept.eq(new Scalar(0.0)).logical_and(changed);
        Rounding rounding = new Rounding(
                squares(delta),
                squares(lost),
                changed.sum().item_long(),
                vanished.sum().item_long());
        if (!Double.isFinite(rounding.deltaSquares())) {
            throw new BowlineException(
                    "merging %s into '%s' gives values that are not finite numbers"
                            .formatted(changes.getFirst().keys(), key),
                    "train the adapter again with a smaller learning rate, or use an earlier checkpoint of it");
        }
        if (!Double.isFinite(rounding.lostSquares())) {
            throw new BowlineException(
                    "merged values of '%s' are too large for %s".formatted(key, stored.configName()),
                    "merge into a dtype of a larger range: float32 or bfloat16");
        }
        // Rows of several kinds at once are counted with the last: it decides their values.
        roundings.merge(changes.getLast().kind(), rounding, Rounding::plus);
    }

    private static double squares(Tensor x) {
        Tensor wide = Ops.cast(x, Dtype.FLOAT64).view(-1);
        return wide.dot(wide).item_double();
    }
}
