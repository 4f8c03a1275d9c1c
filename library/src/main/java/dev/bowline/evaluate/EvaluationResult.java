package dev.bowline.evaluate;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// The scores of a model on rows that it was not trained on.
///
/// @param rows the answered rows, in the order of the data
/// @param scores the mean of each score over the rows that have it, by name; with `perplexity` if it was asked for
/// @param seconds the duration
public record EvaluationResult(List<EvaluatedRow> rows, SequencedMap<String, Score> scores, double seconds) {

    /// @param mean over the rows that have the score
    /// @param rows the number of these rows
    public record Score(double mean, long rows) {}

    public EvaluationResult {
        rows = List.copyOf(rows);
        scores = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(scores));
    }

    static SequencedMap<String, Score> means(List<EvaluatedRow> rows) {
        SequencedMap<String, List<Double>> byName = new LinkedHashMap<>();
        for (EvaluatedRow row : rows) {
            row.scores()
                    .forEach((name, score) ->
                            byName.computeIfAbsent(name, _ -> new ArrayList<>()).add(score));
        }
        SequencedMap<String, Score> means = new LinkedHashMap<>();
        for (Map.Entry<String, List<Double>> entry : byName.entrySet()) {
            double sum = 0;
            for (double score : entry.getValue()) {
                sum += score;
            }
            means.put(
                    entry.getKey(),
                    new Score(sum / entry.getValue().size(), entry.getValue().size()));
        }
        return means;
    }

    /// The mean of a score, if a row has it.
    public Optional<Double> mean(String name) {
        return Optional.ofNullable(scores.get(name)).map(Score::mean);
    }

    /// The share of answers that ended with a token at which generation stops, 0 to 1.
    public double stopped() {
        return share(rows.stream()
                .filter(row -> row.answer().ending() == GeneratedAnswer.Ending.STOP_TOKEN)
                .count());
    }

    /// The share of answers without text, 0 to 1.
    public double empty() {
        return share(rows.stream().filter(row -> row.answer().text().isBlank()).count());
    }

    /// The mean number of tokens of an answer.
    public double meanTokens() {
        return rows.stream().mapToInt(row -> row.answer().tokens()).average().orElse(0);
    }

    private double share(long count) {
        return rows.isEmpty() ? 0 : (double) count / rows.size();
    }
}
