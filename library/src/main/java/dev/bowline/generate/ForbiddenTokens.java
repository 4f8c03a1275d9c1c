package dev.bowline.generate;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// The tokens that [Constraints] forbid after the tokens seen so far. The prompt counts as seen, as in
/// transformers.
final class ForbiddenTokens {

    private final Constraints constraints;
    private final Set<Integer> stopTokens;
    private final List<Integer> seen = new ArrayList<>();
    private int promptTokens = -1;

    ForbiddenTokens(Constraints constraints, Set<Integer> stopTokens) {
        this.constraints = constraints;
        this.stopTokens = stopTokens;
    }

    void see(int token) {
        seen.add(token);
    }

    /// Sets the logits of forbidden tokens to the lowest value. The tokens seen before the first call are the
    /// prompt.
    ///
    /// @param scores `[V]` changed in place
    void applyTo(float[] scores) {
        promptTokens = promptTokens < 0 ? seen.size() : promptTokens;
        int newTokens = seen.size() - promptTokens;
        forbidRepetition(scores);
        constraints.badWords().stream().filter(this::wouldComplete).forEach(word -> forbid(scores, word.getLast()));
        if (seen.size() < constraints.minLength() || newTokens < constraints.minNewTokens()) {
            stopTokens.forEach(token -> forbid(scores, token));
        }
        if (newTokens == 0) {
            constraints.suppressedFirst().forEach(token -> forbid(scores, token));
        }
    }

    /// Forbids each token that followed an earlier occurrence of the last `n - 1` tokens.
    private void forbidRepetition(float[] scores) {
        int n = constraints.noRepeatNgramSize();
        if (n == 0 || seen.size() < n) {
            return;
        }
        List<Integer> last = seen.subList(seen.size() - (n - 1), seen.size());
        for (int from = 0; from + n <= seen.size(); from++) {
            if (seen.subList(from, from + n - 1).equals(last)) {
                forbid(scores, seen.get(from + n - 1));
            }
        }
    }

    /// A stop token by itself is never a bad word.
    private boolean wouldComplete(List<Integer> word) {
        int before = word.size() - 1;
        if (before == 0) {
            return !stopTokens.contains(word.getFirst());
        }
        return before <= seen.size()
                && seen.subList(seen.size() - before, seen.size()).equals(word.subList(0, before));
    }

    private static void forbid(float[] scores, int token) {
        if (token < scores.length) {
            scores[token] = Float.NEGATIVE_INFINITY;
        }
    }
}
