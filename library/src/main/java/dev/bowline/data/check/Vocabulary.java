package dev.bowline.data.check;

import java.util.SequencedSet;
import java.util.Set;
import java.util.function.IntFunction;

/// The facts about a model's tokens that its data must agree with.
///
/// @param rows the number of rows of the embedding
/// @param dead the ids of rows of the embedding that are zero or not finite
/// @param stops the ids at which generation stops; empty if the checkpoint names none
/// @param text the text of a token
public record Vocabulary(long rows, Set<Integer> dead, SequencedSet<Integer> stops, IntFunction<String> text) {

    public Vocabulary {
        dead = Set.copyOf(dead);
    }
}
