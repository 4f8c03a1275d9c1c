package dev.bowline.data;

import dev.bowline.text.AssistantMask;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.TreeSet;

/// Counts the trained answers of a dataset that end with an end-of-turn token, and those without: a model that
/// learns from them would not stop.
///
/// @param answers the number of trained answers, before truncation
/// @param open the number of answers without such a token
/// @param firstOpen the place where the first of these was read, `file:line`
/// @param tokens the ids of the end-of-turn tokens of the other answers
public record AnswerEnds(int answers, int open, Optional<String> firstOpen, SequencedSet<Integer> tokens) {

    static final AnswerEnds NONE = new AnswerEnds(0, 0, Optional.empty(), new TreeSet<>());

    /// The same with the answers of one more example.
    AnswerEnds plus(List<Integer> ends, String origin) {
        int opened =
                (int) ends.stream().filter(end -> end == AssistantMask.NO_END).count();
        SequencedSet<Integer> all = new TreeSet<>(tokens);
        ends.stream().filter(end -> end != AssistantMask.NO_END).forEach(all::add);
        return new AnswerEnds(
                answers + ends.size(),
                open + opened,
                firstOpen.or(() -> opened > 0 ? Optional.of(origin) : Optional.empty()),
                all);
    }
}
