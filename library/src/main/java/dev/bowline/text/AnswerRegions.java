package dev.bowline.text;

import dev.bowline.text.jinja.Span;
import java.util.List;

/// A text that a model is trained on, and where in it the answers are that it learns.
///
/// @param text some first turns of a conversation
record AnswerRegions(String text, List<Answer> answers, Boundary boundary) {

    AnswerRegions {
        answers = List.copyOf(answers);
    }

    /// @param message which message of the conversation it is
    /// @param whole where it is
    /// @param trained the parts of it that are trained on, in order
    record Answer(int message, Span whole, List<Span> trained) {
        Answer {
            trained = List.copyOf(trained);
        }
    }

    /// The trained parts of every answer, in order.
    List<Span> trained() {
        return answers.stream().flatMap(answer -> answer.trained().stream()).toList();
    }

    /// Who says where an answer ends.
    enum Boundary {
        /// The template: nothing inside is left out, only its end-of-turn token may have to be added.
        MARKED,
        /// The rendering of the turns up to it: everything up to the next turn, so what follows the end-of-turn
        /// token is left out.
        RENDERED
    }
}
