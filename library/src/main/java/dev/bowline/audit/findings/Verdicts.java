package dev.bowline.audit.findings;

import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TiePair;
import dev.bowline.audit.evidence.VocabularyRows;
import java.util.List;

/// The verdict as one sentence.
public final class Verdicts {

    private Verdicts() {}

    public static String sentence(Subject subject, List<ConsumerView> views, List<Finding> findings) {
        if (!subject.pair().hasHead()) {
            return "no language model head: there is nothing to tie";
        }
        boolean isWrong = findings.stream().anyMatch(finding -> finding.severity() == Severity.CRITICAL);
        boolean isBad = findings.stream().anyMatch(finding -> finding.severity() == Severity.HIGH);
        String rank = isWrong ? "WRONG for some" : isBad ? "AT RISK" : findings.isEmpty() ? "clean" : "sound";
        return "%s: %s".formatted(rank, held(subject));
    }

    private static String held(Subject subject) {
        TiePair pair = subject.pair();
        Kind kind = subject.kind();
        return switch (kind) {
            case EMBED_ONLY -> "one value, stored as %s".formatted(pair.embeddingKey());
            case HEAD_ONLY -> "one value, stored as %s".formatted(pair.headKey());
            case BOTH_EQUAL -> "one value, stored twice";
            case BOTH_EQUAL_AFTER_CAST -> "one value, stored twice in two types";
            case BOTH_DIFFER -> "two values: %s and %s differ".formatted(pair.headKey(), pair.embeddingKey());
            case SLICE_EQUAL -> "head and embedding are rows of one matrix, of different counts";
            case SHAPE_MISMATCH -> "head and embedding have different shapes";
            case QUANTISED -> "a quantised head or embedding";
            case NEITHER -> "neither head nor input embedding is in the files";
            case UNKNOWN ->
                pair.placeholder()
                        .map(VocabularyRows::rowless)
                        .orElse("a file is malformed, so the pair cannot be told");
        };
    }

    /// Consumers that load it without complaint and get another model than was saved.
    static String names(List<ConsumerView> views) {
        return String.join(
                ", ", views.stream().map(view -> view.consumer().title()).toList());
    }
}
