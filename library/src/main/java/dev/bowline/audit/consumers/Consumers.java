package dev.bowline.audit.consumers;

import dev.bowline.audit.consumers.PresenceRules.BothDiffer;
import dev.bowline.audit.evidence.NemoPolicy;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.ReleaseTies;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.VocabularyRows;
import dev.bowline.ties.TieSupport;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The consumer matrix. The two transformers columns are proved against a record of what those releases did; the others
/// are these projects' published rules.
public final class Consumers {

    private Consumers() {}

    public static List<ConsumerView> views(Subject subject) {
        return Arrays.stream(Consumer.values())
                .filter(consumer ->
                        consumer != Consumer.BOWLINE || subject.load().isPresent())
                .map(consumer -> view(subject, consumer))
                .map(view -> subject.isEmbeddingModel() ? view.withUnusedHead() : view)
                .toList();
    }

    private static ConsumerView view(Subject subject, Consumer consumer) {
        if (subject.kind() == Kind.UNKNOWN && consumer != Consumer.BOWLINE) {
            return ConsumerView.fails(
                    consumer,
                    subject.pair()
                            .placeholder()
                            .map(VocabularyRows::rowless)
                            .orElse("a file of the checkpoint is malformed"));
        }
        return switch (consumer) {
            case TRANSFORMERS_4, TRANSFORMERS_5 -> TransformersRule.view(subject, consumer);
            case NEMO_AUTOMODEL -> nemo(subject);
            case VLLM_BEFORE -> vllmBefore(subject);
            case VLLM -> vllm(subject);
            case SGLANG -> sglang(subject);
            case LLAMA_CPP -> LlamaCppRule.view(subject);
            case OLLAMA -> OllamaRule.view(subject);
            case MLX -> MlxRule.view(subject);
            case BOWLINE -> BowlineRule.view(subject);
        };
    }

    /// The policy of the class decides, then the flag it reads; a diverged head is overwritten when it re-ties.
    private static ConsumerView nemo(Subject subject) {
        Optional<NemoPolicy> policy = subject.nemo().filter(_ -> !fallsBack(subject));
        if (policy.isEmpty() || policy.get().support().isEmpty()) {
            ConsumerView five = TransformersRule.view(subject, Consumer.TRANSFORMERS_5);
            return new ConsumerView(
                    Consumer.NEMO_AUTOMODEL,
                    five.outcome(),
                    five.isOne(),
                    five.head(),
                    five.embedding(),
                    five.loses(),
                    "no class of its own: transformers 5's model; " + five.why());
        }
        TieSupport support = policy.get().support().get();
        boolean asked = nemoFlag(subject).orElse(policy.get().defaultTied());
        String why =
                "%s: %s".formatted(support, nemoFlag(subject).isPresent() ? "flag is " + asked : "no flag it reads");
        return switch (support) {
            case TIED_ONLY ->
                asked
                        ? PresenceRules.byFlag(subject, Consumer.NEMO_AUTOMODEL, true, BothDiffer.EMBEDDING_WINS, why)
                        : ConsumerView.fails(Consumer.NEMO_AUTOMODEL, why + "; it refuses an untied model");
            case UNTIED_ONLY ->
                asked
                        ? ConsumerView.fails(Consumer.NEMO_AUTOMODEL, why + "; it refuses a tied model")
                        : PresenceRules.untied(subject, Consumer.NEMO_AUTOMODEL, why);
            case BOTH -> PresenceRules.byFlag(subject, Consumer.NEMO_AUTOMODEL, asked, BothDiffer.EMBEDDING_WINS, why);
        };
    }

    /// The policy of NeMo AutoModel's class, where it refuses the flag; empty where it accepts the flag, or has no
    /// class.
    public static Optional<TieSupport> nemoRefusal(Subject subject) {
        Optional<NemoPolicy> policy = subject.nemo().filter(_ -> !fallsBack(subject));
        boolean asked =
                nemoFlag(subject).orElse(policy.map(NemoPolicy::defaultTied).orElse(false));
        return policy.flatMap(NemoPolicy::support)
                .filter(support -> support == (asked ? TieSupport.UNTIED_ONLY : TieSupport.TIED_ONLY));
    }

    /// `Mistral3ForConditionalGeneration` is its own class only over a Mistral 4 text model.
    private static boolean fallsBack(Subject subject) {
        return subject.pair()
                        .architecture()
                        .filter("Mistral3ForConditionalGeneration"::equals)
                        .isPresent()
                && ReleaseTies.objectAt(subject.config(), "text_config")
                        .flatMap(text -> text.get("model_type"))
                        .filter(type -> type.toString().equals("\"mistral4\""))
                        .isEmpty();
    }

    /// The top level if it speaks, then `thinker_config`, then `text_config`; `llm_config` is never asked.
    private static Optional<Boolean> nemoFlag(Subject subject) {
        return subject.topFlag()
                .or(() -> subject.hasLevel("thinker_config")
                        ? Optional.of(ReleaseTies.flagAt(subject.config(), "thinker_config")
                                .orElse(false))
                        : ReleaseTies.flagAt(subject.config(), "text_config"));
    }

    static boolean textAsks(Subject subject) {
        return subject.textFlag().orElseGet(() -> subject.v4().or(subject::v5).orElse(false));
    }

    static String textWhy(Subject subject) {
        String key = subject.flags().isEmpty()
                ? "tie_word_embeddings"
                : subject.flags().getLast().key();
        return "%s is %s"
                .formatted(key, subject.textFlag().map(String::valueOf).orElse("absent, so the class decides"));
    }

    /// By the language model's flag alone; what is not in the files stops it, a head under a tied flag is skipped.
    private static ConsumerView vllmBefore(Subject subject) {
        Optional<String> wrongRows = VocabularyRows.wrongRows(subject);
        if (wrongRows.isPresent()) {
            return ConsumerView.fails(Consumer.VLLM_BEFORE, wrongRows.get());
        }
        boolean tied = textAsks(subject);
        ConsumerView view =
                PresenceRules.byFlag(subject, Consumer.VLLM_BEFORE, tied, BothDiffer.EMBEDDING_WINS, textWhy(subject));
        return strict(view, "weights that are not in the files were not initialised");
    }

    /// Untied whenever the files have a head; re-tied when both are equal; tied, with a warning, when they have none.
    private static ConsumerView vllm(Subject subject) {
        Optional<String> wrongRows = VocabularyRows.wrongRows(subject);
        if (wrongRows.isPresent()) {
            return ConsumerView.fails(Consumer.VLLM, wrongRows.get());
        }
        boolean tied = subject.kind() != Kind.BOTH_DIFFER
                && (subject.kind() != Kind.BOTH_EQUAL || textAsks(subject))
                && !subject.pair().isQuantised();
        boolean asked = textAsks(subject);
        if (subject.kind() == Kind.EMBED_ONLY) {
            return PresenceRules.view(
                    Consumer.VLLM,
                    Outcome.TIED,
                    Source.EMBEDDING,
                    Source.EMBEDDING,
                    asked ? textWhy(subject) : "there is no head in the files, so it ties and warns");
        }
        ConsumerView view = PresenceRules.byFlag(
                subject,
                Consumer.VLLM,
                asked && tied,
                BothDiffer.KEPT_APART,
                subject.kind() == Kind.BOTH_DIFFER
                        ? "it compares both tensors, and keeps both if they differ"
                        : textWhy(subject));
        return strict(view, "weights that are not in the files were not initialised");
    }

    /// By the flag: tied, a head in the files is skipped unread; untied, a missing head stays as allocated, since
    /// nothing
    /// counts the weights that were loaded.
    private static ConsumerView sglang(Subject subject) {
        Optional<String> wrongRows = VocabularyRows.wrongRows(subject);
        return wrongRows.isPresent()
                ? ConsumerView.fails(Consumer.SGLANG, wrongRows.get())
                : PresenceRules.byFlag(
                        subject, Consumer.SGLANG, textAsks(subject), BothDiffer.EMBEDDING_WINS, textWhy(subject));
    }

    private static ConsumerView strict(ConsumerView view, String problem) {
        return view.outcome() == Outcome.RANDOM
                ? ConsumerView.fails(view.consumer(), problem + "; " + view.why())
                : view;
    }
}
