package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.audit.evidence.PlacedTensor;
import java.util.List;
import java.util.Optional;

/// The factor of an adapter's deltas in programs that take one rank and one scale for all modules; PEFT alone reads the
/// patterns.
final class AdapterScale {

    private final AdapterFacts facts;
    private final AdapterFindings findings = new AdapterFindings();

    private AdapterScale(AdapterFacts facts) {
        this.facts = facts;
    }

    static List<Finding> check(AdapterFacts facts) {
        AdapterScale scale = new AdapterScale(facts);
        scale.check();
        return scale.findings.found();
    }

    static boolean hasPattern(AdapterFacts facts) {
        return facts.hasFields("rank_pattern") || facts.hasFields("alpha_pattern");
    }

    static boolean isRankStabilised(AdapterFacts facts) {
        return facts.isTrue("use_rslora")
                && facts.wholeNumber("r").filter(rank -> rank > 1).isPresent();
    }

    /// The modules whose tensors have another rank than `r`, with that rank.
    static List<String> otherRanks(AdapterFacts facts) {
        Optional<Long> rank = facts.wholeNumber("r");
        return facts.known().entrySet().stream()
                .filter(entry -> !entry.getValue().isExperts())
                .filter(entry -> rankOf(entry.getKey(), entry.getValue().part())
                        .filter(found -> rank.isPresent() && !found.equals(rank.get()))
                        .isPresent())
                .map(entry -> "%s has rank %d"
                        .formatted(
                                entry.getValue().plainModule(),
                                rankOf(entry.getKey(), entry.getValue().part()).orElseThrow()))
                .distinct()
                .toList();
    }

    private void check() {
        List<String> others = otherRanks(facts);
        if (!others.isEmpty() && !facts.hasFields("rank_pattern")) {
            findings.add(
                    FindingCode.T28,
                    Severity.CRITICAL,
                    "adapter_config.json says r %d, and %d modules have another rank: PEFT refuses the adapter, and vLLM"
                                    .formatted(facts.wholeNumber("r").orElseThrow(), others.size())
                            + " scales it by lora_alpha / r",
                    "set r to the rank of the tensors, or rank_pattern where ranks differ",
                    others);
        } else if (hasPattern(facts)) {
            findings.add(
                    FindingCode.T28,
                    Severity.CRITICAL,
                    "rank_pattern or alpha_pattern gives modules a scale of their own, which vLLM, llama.cpp and Ollama"
                            + " do not read: there the adapter has another strength",
                    fold("for vLLM: ", "vllm").and(fold("; for llama.cpp and Ollama: ", "llama.cpp")),
                    others);
        } else if (isRankStabilised(facts)) {
            findings.add(
                    FindingCode.T28,
                    Severity.CRITICAL,
                    "use_rslora scales by lora_alpha / sqrt(r), and llama.cpp and Ollama by lora_alpha / r: there the"
                            + " adapter has another strength",
                    fold("multiply the scale into lora_B: ", "llama.cpp"),
                    List.of());
        }
    }

    private Fix fold(String words, String program) {
        return Fix.of(words)
                .and(new Remedy.ExportAdapter(Optional.of(facts.baseDirectory()), facts.directory(), program));
    }

    private static Optional<Long> rankOf(PlacedTensor tensor, AdapterKey.Part part) {
        List<Long> shape = tensor.entry().shape();
        if (shape.size() != 2) {
            return Optional.empty();
        }
        return switch (part) {
            case LORA_A, EMBEDDING_A -> Optional.of(shape.getFirst());
            case LORA_B, EMBEDDING_B -> Optional.of(shape.getLast());
            case LORA_B_BIAS, MAGNITUDE, TOKENS, BASE_TABLE, COPY, COPY_BIAS -> Optional.empty();
        };
    }
}
