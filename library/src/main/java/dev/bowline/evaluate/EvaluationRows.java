package dev.bowline.evaluate;

import dev.bowline.BowlineException;
import dev.bowline.data.Dataset;
import java.util.List;
import java.util.Optional;

/// The questions of a dataset.
public final class EvaluationRows {

    private EvaluationRows() {}

    /// A question for each example that has one, in the order of the data.
    ///
    /// @param limit the most questions
    /// @param file the dataset, for an error
    /// @throws BowlineException if no example has a question
    public static List<EvaluationRow> of(Dataset dataset, long limit, String file) {
        List<EvaluationRow> rows = dataset.examples().stream()
                .map(EvaluationRow::of)
                .flatMap(Optional::stream)
                .limit(limit)
                .toList();
        if (rows.isEmpty()) {
            throw new BowlineException(
                    "%s has no question to answer: its %d examples are trained on from their first tokens"
                            .formatted(file, dataset.examples().size()),
                    "use conversations, questions with answers, or prompts with completions");
        }
        return rows;
    }
}
