package dev.bowline.evaluate;

/// An answer to score.
///
/// @param text without special tokens
/// @param rawText with special tokens, which mark tool calls; without the token that ended the answer
/// @param tokens the number of tokens, without the one that ended the answer
/// @param ending the reason why it ended
public record GeneratedAnswer(String text, String rawText, int tokens, Ending ending) {

    /// The reason why an answer ended.
    public enum Ending {
        /// The model wrote a token at which generation stops.
        STOP_TOKEN,
        /// The answer has the most tokens that were allowed.
        LENGTH
    }
}
