package dev.bowline.data;

import java.util.List;

/// Tokenised examples and what became of the others.
///
/// @param rows rows that were read
/// @param plain rows that no chat template wrote
/// @param divided the rows that became several examples
/// @param cut examples that lost tokens
/// @param ends how the trained answers end
/// @param unwritten the text of trained answers that the chat template does not write
/// @param skipped where the examples were that are left out, and why
public record Dataset(
        List<Example> examples,
        int rows,
        int plain,
        Divided divided,
        int cut,
        AnswerEnds ends,
        List<Unwritten> unwritten,
        List<Skipped> skipped) {

    /// @param origin `file:line`
    public record Skipped(String origin, String reason) {}

    public Dataset {
        examples = List.copyOf(examples);
        unwritten = List.copyOf(unwritten);
        skipped = List.copyOf(skipped);
    }

    /// How many examples the rows made, those that are left out counted in.
    public int made() {
        return examples.size() + skipped.size();
    }

    public long tokens() {
        return examples.stream().mapToLong(Example::length).sum();
    }

    public long targetTokens() {
        return examples.stream().mapToLong(Example::targetTokens).sum();
    }

    public int longest() {
        return examples.stream().mapToInt(Example::length).max().orElse(0);
    }
}
