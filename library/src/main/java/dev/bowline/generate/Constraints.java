package dev.bowline.generate;

import dev.bowline.BowlineException;
import java.util.List;
import java.util.Set;

/// The rules that forbid tokens, given the tokens before.
///
/// @param minNewTokens new tokens before which no stop token is chosen; 0 for none
/// @param minLength tokens, the prompt counted in, before which no stop token is chosen; 0 for none
/// @param noRepeatNgramSize no sequence of so many tokens occurs twice, the prompt counted in; 0 for any
/// @param badWords sequences of tokens that are never completed
/// @param suppressedFirst tokens that the continuation does not begin with
public record Constraints(
        int minNewTokens,
        int minLength,
        int noRepeatNgramSize,
        List<List<Integer>> badWords,
        Set<Integer> suppressedFirst) {

    public static final Constraints NONE = new Constraints(0, 0, 0, List.of(), Set.of());

    public Constraints {
        badWords = badWords.stream().map(List::copyOf).toList();
        suppressedFirst = Set.copyOf(suppressedFirst);
        requireCount("the least number of new tokens", minNewTokens);
        requireCount("the least length", minLength);
        requireCount("the length of sequences that do not repeat", noRepeatNgramSize);
        if (badWords.stream().anyMatch(word -> word.isEmpty() || word.stream().anyMatch(token -> token < 0))) {
            throw new BowlineException(
                    "a sequence that is never completed is empty or has a negative id", "list token ids from 0");
        }
    }

    private static void requireCount(String what, int value) {
        if (value < 0) {
            throw new BowlineException("%s is %d".formatted(what, value), "use a whole number from 1, or 0 for none");
        }
    }
}
