package dev.bowline.audit.consumers;

import dev.bowline.audit.evidence.Subject;
import java.util.Set;

/// The rule of `ollama create` for a safetensors directory: its import uses the tensors that are present, for the
/// architectures that it has a converter for. docs/consumers.md names the sources.
final class OllamaRule {

    /// Converters that rename `lm_head` to `output`.
    private static final Set<String> HAS_OUTPUT = Set.of(
            "LlamaForCausalLM",
            "Llama4ForConditionalGeneration",
            "MllamaForConditionalGeneration",
            "Mistral3ForConditionalGeneration",
            "Ministral3ForCausalLM",
            "MixtralForCausalLM",
            "Gemma3ForCausalLM",
            "Gemma3ForConditionalGeneration",
            "Phi3ForCausalLM",
            "Qwen2ForCausalLM");

    /// Converters without a name for the head. Their models were not tried with a head under its own name.
    private static final Set<String> HAS_NO_OUTPUT =
            Set.of("GemmaForCausalLM", "Gemma2ForCausalLM", "Gemma4ForCausalLM", "Gemma4ForConditionalGeneration");

    /// Converters of other architectures, whose names were not read.
    private static final Set<String> OTHERS = Set.of(
            "Gemma3nForConditionalGeneration",
            "Qwen2_5_VLForConditionalGeneration",
            "Qwen3VLForConditionalGeneration",
            "Qwen3VLMoeForConditionalGeneration",
            "Olmo3ForCausalLM",
            "CohereForCausalLM",
            "GptOssForCausalLM",
            "DeepseekV3ForCausalLM");

    private OllamaRule() {}

    static ConsumerView view(Subject subject) {
        String architecture = subject.pair().architecture().orElse("");
        boolean isKnown = HAS_OUTPUT.contains(architecture)
                || HAS_NO_OUTPUT.contains(architecture)
                || OTHERS.contains(architecture);
        if (!isKnown) {
            return ConsumerView.unsupported(
                    Consumer.OLLAMA,
                    "its import of safetensors has no converter for %s; a GGUF file is not imported that way"
                            .formatted(architecture.isEmpty() ? "an unnamed architecture" : architecture));
        }
        if (!subject.pair().embeddingIsThere()) {
            return ConsumerView.fails(Consumer.OLLAMA, "token_embd.weight would be missing");
        }
        boolean isGemma4 = architecture.startsWith("Gemma4");
        if (isGemma4 && !subject.pair().embeddingKey().startsWith("model.language_model.")) {
            return ConsumerView.fails(
                    Consumer.OLLAMA, "it renames what begins with model.language_model. and nothing else");
        }
        if (!subject.pair().headIsThere()) {
            return PresenceRules.view(
                    Consumer.OLLAMA,
                    Outcome.TIED,
                    Source.EMBEDDING,
                    Source.EMBEDDING,
                    "there is no head in the files, so the token embedding is used");
        }
        return HAS_NO_OUTPUT.contains(architecture)
                ? ConsumerView.unsupported(
                        Consumer.OLLAMA, "its converter of this family has no name for a head that the files have")
                : PresenceRules.untied(subject, Consumer.OLLAMA, "the files have a head, so it is converted");
    }
}
