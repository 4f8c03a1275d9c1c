package dev.bowline.generate;

import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;

/// The result of a generation.
///
/// @param promptTokens the number of tokens of the prompt
/// @param tokens the new tokens, without the one that stopped generation
/// @param stopToken the token that stopped generation, if one did
/// @param time the duration of the generation
public record Continuation(int promptTokens, List<Integer> tokens, End end, OptionalInt stopToken, Time time) {

    /// The time of each phase.
    ///
    /// @param computedPromptTokens tokens of the prompt that were computed; the others were in the cache
    /// @param prefill from the start to the logits after the prompt
    /// @param decode from these logits to the end
    public record Time(int computedPromptTokens, Duration prefill, Duration decode) {}

    public Continuation {
        tokens = List.copyOf(tokens);
    }

    /// The reason why generation ended.
    public enum End {
        STOP_TOKEN,
        MAX_NEW_TOKENS,
        /// The model has no position for another token.
        CONTEXT_FULL,
        /// The listener stopped the generation.
        STOPPED
    }
}
