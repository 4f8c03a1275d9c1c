package dev.bowline.recipe;

import java.util.Optional;

/// Which field of an example is which part of it.
///
/// @param context text that goes before the question, such as a passage or an instruction
public record ColumnMapping(Optional<String> context, String question, String answer) {

    public ColumnMapping {
        Require.that(!question.isEmpty() && !answer.isEmpty(), "question and answer must name a column");
        Require.that(!question.equals(answer), "question and answer are both column '%s'", question);
    }
}
