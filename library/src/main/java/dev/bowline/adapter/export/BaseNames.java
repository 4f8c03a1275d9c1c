package dev.bowline.adapter.export;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.SequencedMap;
import java.util.SequencedSet;

/// The names that the model of the base gives the weights that an adapter can change.
///
/// @param modules the linears, the input embedding and the head
/// @param experts the number of experts of each stacked weight
public record BaseNames(SequencedSet<String> modules, SequencedMap<String, Integer> experts) {

    public BaseNames {
        modules = Collections.unmodifiableSequencedSet(new LinkedHashSet<>(modules));
        experts = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(experts));
    }
}
