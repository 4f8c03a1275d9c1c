package dev.bowline.generate;

import dev.bowline.BowlineException;
import java.util.List;
import java.util.Set;

/// The rules that forbid tokens, given the tokens before.
///
/// @param minNewTokens the number of new tokens before which no stop token is chosen; 0 for none
/// @param minLength the number of tokens, prompt included, before which no stop token is chosen; 0 for none
/// @param noRepeatNgramSize the length of token sequences that do not occur twice, prompt included; 0 for no
///     limit
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
                    "a forbidden sequence of tokens is empty or has a negative id", "list token ids from 0");
        }
    }

    private static void requireCount(String what, int value) {
        if (value < 0) {
            throw new BowlineException("%s is %d".formatted(what, value), "use a whole number from 1, or 0 for none");
        }
    }
}
