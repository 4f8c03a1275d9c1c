package dev.bowline.text;

import dev.bowline.text.AnswerRegions.Boundary;
import java.util.Optional;

/// Finds the answers of a conversation in the text of one of its beginnings.
interface AnswerFinder {

    /// Where an answer is, if the text holds it and everything before it as the template writes them when the
    /// answer is the last message.
    ///
    /// @param shown how many messages the text has
    Optional<AnswerSpan> find(int message, int shown);

    /// The same for the last message of the text.
    ///
    /// @throws dev.bowline.BowlineException if the answer cannot be told from the turns before it
    AnswerSpan last(int message);

    Boundary boundary();
}
