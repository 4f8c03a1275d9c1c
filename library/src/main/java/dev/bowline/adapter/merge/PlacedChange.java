package dev.bowline.adapter.merge;

import java.util.List;

/// A change and the rows of a group of tensors that it is for.
///
/// @param module as the adapter names it
/// @param first the row that the first row of the change is for
/// @param keys the tensors of the adapter's file that it is made of
record PlacedChange(String module, Kind kind, long first, Change change, List<String> keys) {

    PlacedChange {
        keys = List.copyOf(keys);
    }

    /// The same change, with rows counted from `row` on.
    PlacedChange movedUp(long row) {
        return new PlacedChange(module, kind, first - row, change, keys);
    }

    long end() {
        return first + change.count();
    }
}
