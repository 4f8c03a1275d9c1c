package dev.bowline.audit.consumers;

import dev.bowline.audit.consumers.PresenceRules.BothDiffer;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.VocabularyRows;
import java.util.Map;
import java.util.Optional;

/// The pair that mlx-lm loads. Each family's model file has a rule of its own, and the loader is strict: a tensor
/// without a parameter stops it, and so does a parameter without a tensor. docs/consumers.md names the sources.
final class MlxRule {

    /// The decision of a family's model file.
    private enum Family {
        /// The flag; absent is true. Tied, the head in the file is dropped unread.
        ABSENT_IS_TIED,
        /// The flag; absent is false. Tied, the head in the file is dropped unread.
        ABSENT_IS_UNTIED,
        /// The flag; absent is false. Tied, a head in the file has no parameter.
        ABSENT_IS_UNTIED_STRICT,
        /// The flag; absent stops it.
        REQUIRED,
        /// The head in the file is used, whatever the flag says; without one the embedding is.
        BY_PRESENCE,
        /// The flag, but without a head in the file it ties. Tied, a head in the file has no parameter.
        TIES_WITHOUT_HEAD,
        /// It has no head, and a head in the file has no parameter.
        NO_HEAD,
        /// There is no such model.
        NONE
    }

    private static final Map<String, Family> FAMILIES = Map.ofEntries(
            Map.entry("LlamaForCausalLM", Family.ABSENT_IS_TIED),
            Map.entry("MistralForCausalLM", Family.ABSENT_IS_TIED),
            Map.entry("Qwen2ForCausalLM", Family.ABSENT_IS_TIED),
            Map.entry("Qwen3ForCausalLM", Family.REQUIRED),
            Map.entry("Mistral3ForConditionalGeneration", Family.ABSENT_IS_UNTIED),
            Map.entry("Phi3ForCausalLM", Family.ABSENT_IS_UNTIED_STRICT),
            Map.entry("GemmaForCausalLM", Family.NO_HEAD),
            Map.entry("Gemma2ForCausalLM", Family.NO_HEAD),
            Map.entry("Gemma3ForCausalLM", Family.BY_PRESENCE),
            Map.entry("Gemma3ForConditionalGeneration", Family.BY_PRESENCE),
            Map.entry("Gemma4ForCausalLM", Family.TIES_WITHOUT_HEAD),
            Map.entry("Gemma4ForConditionalGeneration", Family.NO_HEAD),
            Map.entry("GPT2LMHeadModel", Family.NO_HEAD),
            Map.entry("T5ForConditionalGeneration", Family.NONE),
            Map.entry("MT5ForConditionalGeneration", Family.NONE),
            Map.entry("BertForMaskedLM", Family.NONE),
            Map.entry("BertLMHeadModel", Family.NONE));

    /// Families whose weights must stand under `language_model.`.
    private static final Map<String, String> PREFIXES = Map.of(
            "Gemma3ForConditionalGeneration", "language_model.", "Mistral3ForConditionalGeneration", "language_model.");

    private final Subject subject;
    private final Optional<Boolean> flag;

    private MlxRule(Subject subject) {
        this.subject = subject;
        this.flag = subject.textFlag();
    }

    static ConsumerView view(Subject subject) {
        return new MlxRule(subject).view();
    }

    private ConsumerView view() {
        String architecture = subject.pair().architecture().orElse("");
        String prefix = PREFIXES.getOrDefault(architecture, "");
        boolean named = subject.tensors().keySet().stream().anyMatch(key -> key.startsWith(prefix));
        if (!named) {
            return fails("no key starts with '%s', where its model looks".formatted(prefix));
        }
        Family family = FAMILIES.get(architecture);
        Optional<String> wrongRows = flatVocabulary();
        if (wrongRows.isPresent() && family != Family.NONE) {
            return fails("expected shape differs: " + wrongRows.get());
        }
        if (family == null) {
            return byFlag(Consumers.textAsks(subject), Consumers.textWhy(subject));
        }
        return switch (family) {
            case ABSENT_IS_TIED -> byFlag(flag.orElse(true), why("tied"));
            case ABSENT_IS_UNTIED -> byFlag(flag.orElse(false), why("untied"));
            case ABSENT_IS_UNTIED_STRICT -> strict(flag.orElse(false), why("untied"));
            case REQUIRED ->
                flag.isPresent() ? byFlag(flag.get(), why("")) : fails("its config class requires tie_word_embeddings");
            case BY_PRESENCE -> byPresence();
            case TIES_WITHOUT_HEAD ->
                strict(flag.orElse(true) || !subject.pair().headIsThere(), why("tied"));
            case NO_HEAD -> strict(true, "its model of this family has no head");
            case NONE -> ConsumerView.unsupported(Consumer.MLX, "mlx-lm has no model of this family");
        };
    }

    /// A nested config's families take `vocab_size` each from a level of its own.
    private Optional<String> flatVocabulary() {
        return VocabularyRows.wrongRows(subject).filter(_ -> subject.flags().size() == 1);
    }

    private ConsumerView byPresence() {
        boolean head = subject.pair().headIsThere();
        return byFlag(
                !head,
                head
                        ? "the files have a head, so it is used whatever the flag says"
                        : "there is no head in the files, so the embedding is used");
    }

    /// Tied, a head in the file is one parameter too many.
    private ConsumerView strict(boolean tied, String why) {
        return tied && subject.pair().headIsThere()
                ? fails("received parameters not in model; " + why)
                : byFlag(tied, why);
    }

    private ConsumerView byFlag(boolean tied, String why) {
        ConsumerView view = PresenceRules.byFlag(subject, Consumer.MLX, tied, BothDiffer.EMBEDDING_WINS, why);
        return view.outcome() == Outcome.RANDOM ? fails("missing parameters; " + why) : view;
    }

    private static ConsumerView fails(String why) {
        return ConsumerView.fails(Consumer.MLX, why);
    }

    private String why(String absent) {
        String key = subject.flags().isEmpty()
                ? "tie_word_embeddings"
                : subject.flags().getLast().key();
        return flag.map(value -> "%s is %s".formatted(key, value))
                .orElseGet(() -> "%s is absent, which its model takes for %s".formatted(key, absent));
    }
}
