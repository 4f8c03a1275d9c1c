package dev.bowline.evaluate;

import dev.bowline.data.Example;
import dev.bowline.text.Tokenizer;
import java.util.Arrays;
import java.util.Optional;

/// One question with the expected answer: the last trained answer of an example, and everything before it.
///
/// A chat template puts the same tokens before an answer that it puts before a generated one, so the question ends
/// as a prompt does.
///
/// @param origin the place where the example was read, `file:line`
/// @param prompt the tokens before the answer, at least one
/// @param answer the tokens of the expected answer, with its end-of-turn token if it has one
public record EvaluationRow(String origin, int[] prompt, int[] answer) {

    /// Empty for an example that is trained on from its first tokens, such as a plain text: it has no question.
    public static Optional<EvaluationRow> of(Example example) {
        boolean[] targets = example.targets();
        int to = targets.length;
        while (!targets[to - 1]) {
            to--;
        }
        int from = to - 1;
        while (from > 1 && targets[from - 1]) {
            from--;
        }
        boolean isWholeText = from <= 1;
        return isWholeText
                ? Optional.empty()
                : Optional.of(new EvaluationRow(
                        example.origin(),
                        Arrays.copyOf(example.ids(), from),
                        Arrays.copyOfRange(example.ids(), from, to)));
    }

    /// The expected answer without special tokens.
    String text(Tokenizer tokenizer) {
        return tokenizer.decode(answer);
    }

    /// The expected answer with special tokens.
    String rawText(Tokenizer tokenizer) {
        return tokenizer.decodeWithSpecialTokens(answer);
    }
}
