package dev.bowline.data;

import dev.bowline.BowlineException;
import java.util.Arrays;

/// An example after the treatment of examples that are longer than the sequence.
public sealed interface FittedExample {

    /// An example that fits.
    record Whole(Example example) implements FittedExample {}

    /// An example that lost tokens.
    ///
    /// @param example the example before the cut
    /// @param shorter the example that is trained on
    record Cut(Example example, Example shorter) implements FittedExample {

        /// True if tokens that are trained on were lost.
        public boolean losesTargets() {
            return shorter.targetTokens() < example.targetTokens();
        }
    }

    /// An example that is not trained on.
    record LeftOut(Example example, String reason) implements FittedExample {}

    /// An example that ends a run.
    record Refused(Example example, BowlineException failure) implements FittedExample {}

    /// The example before the treatment.
    Example example();

    /// Truncation never drops an answer silently: an example that would lose its whole answer is left out, and an
    /// example whose last answer would lose its beginning is refused.
    static FittedExample of(Example example, DatasetSettings settings) {
        int longest = settings.longest();
        int length = example.length();
        if (length <= longest) {
            return new Whole(example);
        }
        String complaint = "%d tokens, %d allowed".formatted(length, longest);
        return switch (settings.truncation()) {
            case ERROR ->
                new Refused(
                        example,
                        new BowlineException(
                                "%s: the example has %s".formatted(example.origin(), complaint),
                                "raise dataset.seq_length, or choose what to do with dataset.truncation"));
            case SKIP -> new LeftOut(example, complaint);
            case CUT_START -> cut(example, length - longest, length, complaint);
            case CUT_END -> cut(example, 0, longest, complaint);
        };
    }

    private static FittedExample cut(Example example, int from, int to, String complaint) {
        if (from > 0 && from > lastAnswerStart(example)) {
            return new Refused(
                    example,
                    new BowlineException(
                            "%s: the example has %s, and its last answer alone is longer"
                                    .formatted(example.origin(), complaint),
                            "raise dataset.seq_length, or set dataset.truncation to skip"));
        }
        Example shorter = new Example(
                Arrays.copyOfRange(example.ids(), from, to),
                Arrays.copyOfRange(example.targets(), from, to),
                example.origin());
        return shorter.targetTokens() == 0
                ? new LeftOut(example, complaint + ", and cutting would drop the whole answer")
                : new Cut(example, shorter);
    }

    private static int lastAnswerStart(Example example) {
        boolean[] targets = example.targets();
        int at = targets.length - 1;
        while (at > 0 && !targets[at]) {
            at--;
        }
        while (at > 0 && targets[at - 1]) {
            at--;
        }
        return at;
    }
}
