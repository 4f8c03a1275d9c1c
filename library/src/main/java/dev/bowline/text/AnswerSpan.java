package dev.bowline.text;

import dev.bowline.text.jinja.Span;
import java.util.List;

/// One answer in the text of a row.
///
/// @param message which message it is
/// @param start where it begins
/// @param inserted the rest of the generation prompt, which the text leaves out at `start`
/// @param trained the parts that are trained on, in order
/// @param end where it ends
record AnswerSpan(int message, int start, String inserted, List<Span> trained, int end) {

    AnswerSpan {
        trained = List.copyOf(trained);
    }
}
