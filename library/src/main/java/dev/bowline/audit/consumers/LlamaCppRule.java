package dev.bowline.audit.consumers;

import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.audit.evidence.Subject;
import java.util.HashSet;
import java.util.Set;

/// The pair after llama.cpp's `convert_hf_to_gguf.py`, and after llama.cpp loads the file.
///
/// Presence decides: a head becomes `output.weight`, and without one the token embedding is used. The exceptions are
/// families whose converter leaves the head out or has no name for it. docs/consumers.md names the sources.
final class LlamaCppRule {

    /// `filter_tensors` skips `lm_head.weight` whatever the flag says.
    private static final Set<String> DROPS_HEAD = Set.of("GemmaForCausalLM", "Gemma2ForCausalLM");

    /// `lm_head.weight` is skipped when the flag says tied.
    private static final Set<String> DROPS_HEAD_WHEN_TIED = Set.of(
            "DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "HunYuanMoEV1ForCausalLM", "HunYuanDenseV1ForCausalLM");

    /// Its tensor list has no output tensor.
    private static final Set<String> HAS_NO_OUTPUT = Set.of("CohereForCausalLM");

    private LlamaCppRule() {}

    static ConsumerView view(Subject subject) {
        String architecture = subject.pair().architecture().orElse("");
        boolean head = subject.pair().headIsThere();
        if (!indexIsExact(subject.files())) {
            return fails("mismatch between weight map and model parts: it compares the index with the headers");
        }
        if (!subject.pair().embeddingIsThere()) {
            return fails("token_embd.weight would be missing");
        }
        if (head && HAS_NO_OUTPUT.contains(architecture)) {
            return fails("can not map tensor '%s': its file has no output tensor for this family"
                    .formatted(subject.pair().headKey()));
        }
        if (head && DROPS_HEAD.contains(architecture)) {
            return dropped(subject, "its converter leaves the head of this family out");
        }
        if (head && DROPS_HEAD_WHEN_TIED.contains(architecture) && Consumers.textAsks(subject)) {
            return dropped(subject, "its converter leaves the head out, as " + Consumers.textWhy(subject));
        }
        return head
                ? PresenceRules.untied(subject, Consumer.LLAMA_CPP, "the files have a head, so it is converted")
                : PresenceRules.view(
                        Consumer.LLAMA_CPP,
                        Outcome.TIED,
                        Source.EMBEDDING,
                        Source.EMBEDDING,
                        "there is no head in the files, so the token embedding is used");
    }

    private static ConsumerView fails(String why) {
        return ConsumerView.fails(Consumer.LLAMA_CPP, why);
    }

    private static ConsumerView dropped(Subject subject, String why) {
        boolean equal = subject.kind() == Kind.BOTH_EQUAL || subject.kind() == Kind.BOTH_EQUAL_AFTER_CAST;
        Source source = equal ? Source.BOTH : Source.EMBEDDING;
        return new ConsumerView(Consumer.LLAMA_CPP, Outcome.TIED, true, source, source, !equal, why);
    }

    /// True if the index names exactly the tensors of the shards, in whatever shard.
    private static boolean indexIsExact(SourceFiles files) {
        if (files.index().isEmpty()) {
            return true;
        }
        Set<String> held = new HashSet<>();
        files.headers().forEach(header -> held.addAll(header.entries().keySet()));
        return files.missingShards().isEmpty()
                && held.equals(files.index().get().weightMap().keySet());
    }
}
