package dev.bowline.audit.consumers;

import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.Subject;

/// The rules of loaders that read a flag, or only the names of the tensors.
final class PresenceRules {

    /// The treatment of two different tensors under a tied flag.
    enum BothDiffer {
        /// The head is skipped or overwritten.
        EMBEDDING_WINS,
        /// They are compared and kept apart.
        KEPT_APART,
        /// The loader stops.
        REFUSED;

        static BothDiffer of(Consumer consumer) {
            return consumer == Consumer.TRANSFORMERS_5 ? KEPT_APART : EMBEDDING_WINS;
        }
    }

    private PresenceRules() {}

    /// A loader that ties as `tied` says and leaves what is missing as initialised.
    static ConsumerView byFlag(Subject subject, Consumer consumer, boolean tied, BothDiffer rule, String why) {
        Kind kind = subject.kind();
        if (!tied) {
            return untied(subject, consumer, why);
        }
        return switch (kind) {
            case EMBED_ONLY -> view(consumer, Outcome.TIED, Source.EMBEDDING, Source.EMBEDDING, why);
            case HEAD_ONLY ->
                rule == BothDiffer.KEPT_APART
                        ? view(consumer, Outcome.TIED, Source.HEAD, Source.HEAD, why)
                        : view(consumer, Outcome.RANDOM, Source.RANDOM, Source.RANDOM, why);
            case BOTH_EQUAL, BOTH_EQUAL_AFTER_CAST -> view(consumer, Outcome.TIED, Source.BOTH, Source.BOTH, why);
            case BOTH_DIFFER -> differ(subject, consumer, rule, why);
            case SLICE_EQUAL, SHAPE_MISMATCH ->
                ConsumerView.fails(consumer, "head and embedding have different shapes; " + why);
            case QUANTISED -> quantised(subject, consumer, true, why);
            case NEITHER, UNKNOWN -> view(consumer, Outcome.RANDOM, Source.RANDOM, Source.RANDOM, why);
        };
    }

    private static ConsumerView differ(Subject subject, Consumer consumer, BothDiffer rule, String why) {
        if (subject.state().difference().orElseThrow().isOnlySigns()) {
            return view(consumer, Outcome.TIED, Source.EMBEDDING, Source.EMBEDDING, why);
        }
        return switch (rule) {
            case EMBEDDING_WINS ->
                new ConsumerView(consumer, Outcome.TIED, true, Source.EMBEDDING, Source.EMBEDDING, true, why);
            case KEPT_APART -> view(consumer, Outcome.UNTIED, Source.HEAD, Source.EMBEDDING, why);
            case REFUSED -> ConsumerView.fails(consumer, why);
        };
    }

    static ConsumerView untied(Subject subject, Consumer consumer, String why) {
        return switch (subject.kind()) {
            case EMBED_ONLY -> view(consumer, Outcome.RANDOM, Source.RANDOM, Source.EMBEDDING, why);
            case HEAD_ONLY -> view(consumer, Outcome.RANDOM, Source.HEAD, Source.RANDOM, why);
            case BOTH_EQUAL, BOTH_EQUAL_AFTER_CAST -> view(consumer, Outcome.UNTIED, Source.BOTH, Source.BOTH, why);
            case BOTH_DIFFER, SLICE_EQUAL, SHAPE_MISMATCH ->
                view(consumer, Outcome.UNTIED, Source.HEAD, Source.EMBEDDING, why);
            case QUANTISED -> quantised(subject, consumer, false, why);
            case NEITHER, UNKNOWN -> view(consumer, Outcome.RANDOM, Source.RANDOM, Source.RANDOM, why);
        };
    }

    /// One side in packed form: its loader knows the format, and what matters is which sides are there.
    static ConsumerView quantised(Subject subject, Consumer consumer, boolean tied, String why) {
        boolean head = subject.pair().headIsThere();
        boolean embedding = subject.pair().embeddingIsThere();
        if (tied && embedding) {
            return new ConsumerView(
                    consumer,
                    Outcome.TIED,
                    true,
                    Source.EMBEDDING,
                    Source.EMBEDDING,
                    head,
                    why + "; the head is quantised");
        }
        Source h = head ? Source.HEAD : Source.RANDOM;
        Source e = embedding ? Source.EMBEDDING : Source.RANDOM;
        Outcome outcome = head && embedding ? Outcome.UNTIED : Outcome.RANDOM;
        return view(consumer, outcome, h, e, why);
    }

    static ConsumerView view(Consumer consumer, Outcome outcome, Source head, Source embedding, String why) {
        return new ConsumerView(consumer, outcome, outcome == Outcome.TIED, head, embedding, false, why);
    }
}
