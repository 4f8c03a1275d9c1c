package dev.bowline.text;

import dev.bowline.text.AnswerRegions.Boundary;
import java.util.Optional;

/// Finds the answers of a conversation in the text of one of its beginnings.
interface AnswerFinder {

    /// The span of an answer, if the text holds the answer and everything before it in the form that the template
    /// gives them when the answer is the last message.
    ///
    /// @param shown the number of messages in the text
    Optional<AnswerSpan> find(int message, int shown);

    /// The same for the last message of the text.
    ///
    /// @throws dev.bowline.BowlineException if the answer cannot be told from the turns before it
    AnswerSpan last(int message);

    Boundary boundary();
}
