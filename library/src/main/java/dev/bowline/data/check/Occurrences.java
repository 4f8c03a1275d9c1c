package dev.bowline.data.check;

import dev.bowline.data.check.DataFinding.Place;
import java.util.ArrayList;
import java.util.List;

/// Counts the places of one finding and keeps the first of them.
final class Occurrences {

    private final List<Place> first = new ArrayList<>();
    private long count;

    void add(String origin, String detail) {
        count++;
        if (first.size() < DataFinding.PLACES) {
            first.add(new Place(origin, detail));
        }
    }

    long count() {
        return count;
    }

    List<Place> first() {
        return first;
    }
}
