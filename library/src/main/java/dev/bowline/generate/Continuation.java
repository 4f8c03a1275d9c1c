package dev.bowline.generate;

import java.util.List;
import java.util.OptionalInt;

/// What was generated.
///
/// @param promptTokens how many tokens came before
/// @param tokens the new tokens, without the one that stopped generation
/// @param stopToken the token that stopped it, if one did
public record Continuation(int promptTokens, List<Integer> tokens, End end, OptionalInt stopToken) {

    public Continuation {
        tokens = List.copyOf(tokens);
    }

    /// Why generation ended.
    public enum End {
        STOP_TOKEN,
        MAX_NEW_TOKENS,
        /// The model has no position for another token.
        CONTEXT_FULL,
        /// The listener asked for it.
        STOPPED
    }
}
