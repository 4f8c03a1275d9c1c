package dev.bowline.audit.findings;

import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.safetensors.RangeReader;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Deltas that change nothing: lora_B of zeros, and one matrix without the other.
final class AdapterEffect {

    private static final int BUFFER_BYTES = 1 << 20;

    private final AdapterFacts facts;
    private final AdapterFindings findings = new AdapterFindings();

    private AdapterEffect(AdapterFacts facts) {
        this.facts = facts;
    }

    static List<Finding> check(AdapterFacts facts) {
        AdapterEffect effect = new AdapterEffect(facts);
        effect.halves();
        effect.effect();
        return effect.findings.found();
    }

    /// True if every second matrix is zero, and nothing else is trained.
    static boolean changesNothing(AdapterFacts facts) {
        return facts.known().entrySet().stream()
                .allMatch(entry -> switch (entry.getValue().part()) {
                    case LORA_B, EMBEDDING_B -> isZero(entry.getKey());
                    case COPY, COPY_BIAS, TOKENS, LORA_B_BIAS, MAGNITUDE -> false;
                    case LORA_A, EMBEDDING_A, BASE_TABLE -> true;
                });
    }

    /// The modules that have one of the two matrices.
    static List<String> alone(AdapterFacts facts) {
        List<String> first = modulesWith(facts, AdapterKey.Part.LORA_A, AdapterKey.Part.EMBEDDING_A);
        List<String> second = modulesWith(facts, AdapterKey.Part.LORA_B, AdapterKey.Part.EMBEDDING_B);
        return Stream.concat(
                        first.stream().filter(module -> !second.contains(module)),
                        second.stream().filter(module -> !first.contains(module)))
                .toList();
    }

    private void effect() {
        List<PlacedTensor> second = facts.known().entrySet().stream()
                .filter(entry -> entry.getValue().part() == AdapterKey.Part.LORA_B
                        || entry.getValue().part() == AdapterKey.Part.EMBEDDING_B)
                .map(Map.Entry::getKey)
                .toList();
        List<String> zero = second.stream()
                .filter(AdapterEffect::isZero)
                .map(PlacedTensor::key)
                .toList();
        if (zero.isEmpty()) {
            return;
        }
        boolean isAll = zero.size() == second.size();
        boolean changesElse = facts.known().values().stream()
                .map(AdapterKey::part)
                .anyMatch(part -> part == AdapterKey.Part.COPY
                        || part == AdapterKey.Part.COPY_BIAS
                        || part == AdapterKey.Part.TOKENS);
        findings.add(
                FindingCode.T30,
                isAll && !changesElse ? Severity.CRITICAL : Severity.MEDIUM,
                isAll
                        ? "every lora_B is zero, the initial value: the adapter changes nothing"
                        : "%d of %d lora_B are zero, the initial value: those modules are not changed"
                                .formatted(zero.size(), second.size()),
                "look for the adapter that was saved after training, and for weights that were frozen by mistake",
                zero);
    }

    /// A reader fills the missing one of the two matrices as for a new adapter: lora_A with random values, lora_B with
    /// zeros.
    private void halves() {
        List<String> alone = alone(facts);
        if (!alone.isEmpty()) {
            findings.add(
                    FindingCode.T30,
                    Severity.CRITICAL,
                    "%d modules have one of lora_A and lora_B: PEFT warns and starts the other anew, so what was trained"
                                    .formatted(alone.size())
                            + " has no effect there",
                    "save the adapter again with PEFT's save_pretrained, or download all of it",
                    alone);
        }
    }

    private static List<String> modulesWith(AdapterFacts facts, AdapterKey.Part lora, AdapterKey.Part embedding) {
        return facts.known().values().stream()
                .filter(key -> key.part() == lora || key.part() == embedding)
                .map(AdapterKey::plainModule)
                .distinct()
                .toList();
    }

    /// A zero with a sign is zero too.
    private static boolean isZero(PlacedTensor tensor) {
        try (RangeReader reader = new RangeReader(tensor.range(), BUFFER_BYTES)) {
            int width = tensor.entry().type().bytes();
            int signs = width - 1;
            long at = 0;
            long left = tensor.entry().bytes();
            while (left > 0) {
                ByteBuffer part = reader.next((int) Math.min(BUFFER_BYTES, left));
                left -= part.remaining();
                while (part.hasRemaining()) {
                    byte bits = part.get();
                    boolean hasSign = at++ % width == signs;
                    if ((hasSign ? bits & Byte.MAX_VALUE : bits) != 0) {
                        return false;
                    }
                }
            }
            return true;
        }
    }
}
