package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.Remedy.Decision;
import dev.bowline.audit.evidence.Candidates;
import dev.bowline.audit.evidence.PairScan;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.safetensors.TensorEntry;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Heads under names that the architecture does not load, while the name that it loads is free.
///
/// @param heads at least one
/// @param doubt why it cannot simply get that name; empty when nothing else can be meant
/// @param decidable whether the owner's word about the tie ends the doubt
public record StrayHead(List<PlacedTensor> heads, Optional<String> doubt, boolean decidable) {

    /// Empty when there is none.
    public static Optional<StrayHead> of(Subject subject) {
        List<PlacedTensor> heads = subject.pair().unmapped().stream()
                .flatMap(key -> Optional.ofNullable(subject.tensors().get(key)).stream())
                .toList();
        if (heads.isEmpty()) {
            return Optional.empty();
        }
        Optional<String> doubt = heads.stream()
                .flatMap(head -> doubt(subject, head).stream())
                .findFirst()
                .or(() -> amongThem(heads));
        if (doubt.isEmpty() && subject.saysTied() && !isSame(heads.getFirst(), embedding(subject))) {
            String stale = "the flag says tied, and %s has other values than %s: the flag or that head is stale"
                    .formatted(heads.getFirst().key(), subject.pair().embeddingKey());
            return Optional.of(new StrayHead(heads, Optional.of(stale), true));
        }
        return Optional.of(new StrayHead(heads, doubt, false));
    }

    private static Optional<String> doubt(Subject subject, PlacedTensor head) {
        String prefix = head.key().substring(0, head.key().length() - "lm_head.weight".length());
        if (!Candidates.PREFIXES.contains(prefix)) {
            return Optional.of("%s may be the head of another module: '%s' is no known name of a language model"
                    .formatted(head.key(), prefix));
        }
        if (subject.pair().embedding().isEmpty()) {
            return Optional.of("there is no input embedding to judge %s by".formatted(head.key()));
        }
        TensorEntry embedding = embedding(subject).entry();
        return head.entry().shape().equals(embedding.shape())
                ? Optional.empty()
                : Optional.of("%s has the shape %s, the input embedding %s"
                        .formatted(head.key(), head.entry().shape(), embedding.shape()));
    }

    private static Optional<String> amongThem(List<PlacedTensor> heads) {
        PlacedTensor first = heads.getFirst();
        return heads.stream()
                .filter(head -> !isSame(head, first))
                .findFirst()
                .map(head -> "%s and %s have different values".formatted(first.key(), head.key()));
    }

    private static PlacedTensor embedding(Subject subject) {
        return subject.pair().embedding().orElseThrow();
    }

    private static boolean isSame(PlacedTensor a, PlacedTensor b) {
        return a.entry().type() == b.entry().type()
                && a.entry().shape().equals(b.entry().shape())
                && PairScan.isSame(a, b);
    }

    /// The repairs, or the owner's other ways out.
    public Fix fix(Subject subject) {
        Path directory = subject.files().directory();
        if (doubt.isEmpty()) {
            return Fix.of(Remedy.Repair.inPlace(directory));
        }
        return decidable
                ? Fix.of("if that head was trained: ")
                        .and(Remedy.Repair.inPlace(directory, Decision.UNTIED))
                        .and("; if it is left over: ")
                        .and(Rules.keepEmbedding(subject))
                : Fix.of("%s. If it is the head, rename it to %s, or name the architecture it belongs to in config.json"
                        .formatted(doubt.get(), subject.pair().headKey()));
    }
}
