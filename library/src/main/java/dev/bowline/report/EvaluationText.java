package dev.bowline.report;

import dev.bowline.evaluate.EvaluatedRow;
import dev.bowline.evaluate.EvaluationResult;
import dev.bowline.evaluate.EvaluationResult.Score;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;

/// The scores of one model or several on the same rows, a column each, and samples of their answers.
///
/// @param samples the number of rows whose answers are shown
public record EvaluationText(int samples) implements TextRenderer<SequencedMap<String, EvaluationResult>> {

    private static final int LONGEST = 400;

    /// @param results by the name of the model, at least one
    @Override
    public String text(SequencedMap<String, EvaluationResult> results) {
        Table.Side[] sides = new Table.Side[results.size() + 1];
        java.util.Arrays.fill(sides, Table.Side.RIGHT);
        sides[0] = Table.Side.LEFT;
        Table table = new Table(sides);
        row(table, "", results, (name, _) -> Printable.of(name));
        for (String name : names(results)) {
            row(
                    table,
                    name,
                    results,
                    (_, result) -> score(Optional.ofNullable(result.scores().get(name)), result));
        }
        row(table, "stopped", results, (_, result) -> DataText.percent(result.stopped()));
        row(table, "empty answers", results, (_, result) -> DataText.percent(result.empty()));
        row(table, "mean length", results, (_, result) -> number(result.meanTokens(), "%.1f") + " tokens");
        row(table, "rows", results, (_, result) -> Quantity.count(result.rows().size()));
        row(table, "seconds", results, (_, result) -> number(result.seconds(), "%.1f"));
        StringBuilder text = new StringBuilder(table.text());
        List<EvaluationResult> all = new ArrayList<>(results.values());
        int shown = Math.min(
                samples,
                all.stream().mapToInt(result -> result.rows().size()).min().orElse(0));
        for (int i = 0; i < shown; i++) {
            text.append('\n').append(sample(results, i));
        }
        return text.toString();
    }

    private interface Cell {
        String of(String name, EvaluationResult result);
    }

    private static void row(Table table, String label, SequencedMap<String, EvaluationResult> results, Cell cell) {
        List<String> cells = new ArrayList<>(List.of(label));
        results.forEach((name, result) -> cells.add(cell.of(name, result)));
        table.row(cells.toArray(String[]::new));
    }

    private static SequencedSet<String> names(SequencedMap<String, EvaluationResult> results) {
        SequencedSet<String> names = new LinkedHashSet<>();
        results.values().forEach(result -> names.addAll(result.scores().keySet()));
        return names;
    }

    private static String score(Optional<Score> score, EvaluationResult result) {
        return score.map(found -> number(found.mean(), "%.4f")
                        + (found.rows() == result.rows().size() ? "" : " of %d rows".formatted(found.rows())))
                .orElse("-");
    }

    private static String number(double value, String format) {
        return String.format(Locale.ROOT, format, value);
    }

    private static String sample(SequencedMap<String, EvaluationResult> results, int index) {
        EvaluatedRow first = results.firstEntry().getValue().rows().get(index);
        SequencedMap<String, String> lines = new LinkedHashMap<>();
        lines.put("question", first.prompt());
        lines.put("expected", first.expected());
        for (Map.Entry<String, EvaluationResult> entry : results.entrySet()) {
            lines.put(
                    entry.getKey(), entry.getValue().rows().get(index).answer().text());
        }
        Table table = Table.ofFields();
        lines.forEach((label, text) -> table.row(Printable.of(label), oneLine(text)));
        return Printable.of(first.origin()) + "\n" + table.text();
    }

    private static String oneLine(String text) {
        String line = Printable.of(text.replace("\n", "⏎"));
        return line.length() <= LONGEST ? line : line.substring(0, LONGEST) + "…";
    }
}
