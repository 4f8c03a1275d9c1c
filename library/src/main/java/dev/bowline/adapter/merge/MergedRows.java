package dev.bowline.adapter.merge;

import dev.bowline.streamed.Rows;
import dev.bowline.tensor.Dtype;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/// The rows of the base with the changes of an adapter, not rounded to the stored dtype.
///
/// @param changes in the order in which they are made
record MergedRows(Rows base, List<PlacedChange> changes) implements Rows {

    MergedRows {
        changes = List.copyOf(changes);
    }

    @Override
    public long count() {
        return base.count();
    }

    @Override
    public long width() {
        return base.width();
    }

    @Override
    public Tensor read(long from, long count, Dtype dtype) {
        Tensor rows = base.read(from, count, dtype);
        change(rows, from);
        return rows;
    }

    /// Changes rows of the base in place.
    ///
    /// @param from the first of them
    void change(Tensor rows, long from) {
        for (PlacedChange each : changes) {
            long first = Math.max(from, each.first());
            long end = Math.min(from + rows.size(0), each.end());
            if (first < end) {
                each.change().apply(rows.narrow(0, first - from, end - first), first - each.first());
            }
        }
    }

    /// The kind of change that rows have, by the first change.
    List<PlacedChange> in(long from, long count) {
        return changes.stream()
                .filter(each -> each.first() < from + count && from < each.end())
                .toList();
    }
}
