package dev.bowline.text;

import dev.bowline.text.jinja.Span;
import java.util.List;

/// The text a conversation is trained as, and where in it the answers are that a model learns.
///
/// @param insertedPrompts how many answers got the rest of the generation prompt put in front
record AnswerRegions(String text, List<Span> answers, Boundary boundary, int insertedPrompts) {

    AnswerRegions {
        answers = List.copyOf(answers);
    }

    /// Who says where an answer ends.
    enum Boundary {
        /// The template: nothing inside is left out, only its end-of-turn token may have to be added.
        MARKED,
        /// The rendering of the turns up to it: everything up to the next turn, so what follows the end-of-turn token
        /// is left out.
        RENDERED
    }
}
