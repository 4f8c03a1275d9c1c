package dev.bowline.audit.findings;

import dev.bowline.adapter.format.AdapterKey;
import java.util.ArrayList;
import java.util.List;

/// The shapes of an adapter's tensors against the weights of its base.
final class AdapterShapes {

    private final AdapterFacts facts;
    private final AdapterFindings findings = new AdapterFindings();
    private final List<String> wrong = new ArrayList<>();
    private final List<String> rows = new ArrayList<>();

    private AdapterShapes(AdapterFacts facts) {
        this.facts = facts;
    }

    static List<Finding> check(AdapterFacts facts) {
        AdapterShapes shapes = new AdapterShapes(facts);
        shapes.check();
        return shapes.findings.found();
    }

    /// True if a tensor does not fit the base.
    static boolean differ(AdapterFacts facts) {
        return !check(facts).isEmpty();
    }

    private void check() {
        facts.known()
                .forEach((tensor, key) -> facts.modules()
                        .shape(key.plainModule())
                        .filter(shape ->
                                !key.isExperts() && !fits(tensor.entry().shape(), key.part(), shape))
                        .ifPresent(shape -> (isVocabulary(key, tensor.entry().shape(), shape) ? rows : wrong)
                                .add("%s %s on a weight %s"
                                        .formatted(tensor.key(), tensor.entry().shape(), shape))));
        if (!wrong.isEmpty()) {
            findings.add(
                    FindingCode.T32,
                    Severity.HIGH,
                    "%d tensors do not have the shapes of the base's weights".formatted(wrong.size()),
                    "use the adapter with the model that it was trained on",
                    wrong);
        }
        if (!rows.isEmpty()) {
            findings.add(
                    FindingCode.T36,
                    Severity.HIGH,
                    "%d tensors are of a vocabulary with another number of rows than the base's: PEFT and vLLM refuse"
                                    .formatted(rows.size())
                            + " the adapter",
                    "resize the base's token embeddings to the rows of the adapter before the adapter is loaded",
                    rows);
        }
    }

    private boolean isVocabulary(AdapterKey key, List<Long> shape, List<Long> weight) {
        boolean ofTable = facts.isHead(key.module()) || facts.isInputEmbedding(key.module());
        return ofTable
                && shape.size() == 2
                && switch (key.part()) {
                    case BASE_TABLE, COPY -> shape.getLast().equals(weight.getLast());
                    case EMBEDDING_A, LORA_B -> true;
                    case LORA_A, LORA_B_BIAS, MAGNITUDE, EMBEDDING_B, TOKENS, COPY_BIAS -> false;
                };
    }

    /// @param weight `[out, in]`; of an embedding `[rows, width]`
    private static boolean fits(List<Long> shape, AdapterKey.Part part, List<Long> weight) {
        if (weight.size() != 2) {
            return true;
        }
        return switch (part) {
            case LORA_A -> shape.size() == 2 && shape.getLast().equals(weight.getLast());
            case LORA_B -> shape.size() == 2 && shape.getFirst().equals(weight.getFirst());
            case EMBEDDING_A -> shape.size() == 2 && shape.getLast().equals(weight.getFirst());
            case EMBEDDING_B -> shape.size() == 2 && shape.getFirst().equals(weight.getLast());
            case TOKENS -> shape.size() == 2 && shape.getLast().equals(weight.getLast());
            case BASE_TABLE, COPY -> shape.size() != 2 || shape.equals(weight);
            case LORA_B_BIAS, MAGNITUDE, COPY_BIAS -> true;
        };
    }
}
