package dev.bowline.audit;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// A name in front of every tensor's, as programs leave it that save a wrapped model: `module.`, `_orig_mod.`.
final class Wrapper {

    private Wrapper() {}

    /// The one prefix that all names have and without which the architecture finds its input embedding.
    static Optional<String> of(Subject subject) {
        if (subject.table().isEmpty()
                || !isNotLoaded(subject)
                        && (subject.pair().headIsThere() || subject.pair().embeddingIsThere())) {
            return Optional.empty();
        }
        List<String> prefixes = common(subject.tensors())
                .filter(prefix -> loads(subject, prefix))
                .toList();
        return prefixes.size() == 1 ? Optional.of(prefixes.getFirst()) : Optional.empty();
    }

    /// Whether release 4 leaves the input embedding where it is, for a prefix that it has too much.
    static boolean isNotLoaded(Subject subject) {
        return subject.pair().embeddingIsThere()
                && subject.table()
                        .flatMap(TieTable.Entry::v4)
                        .filter(release -> release.embedding()
                                .filter(name ->
                                        release.hasPrefixTooMuch(subject.pair().embeddingKey(), name))
                                .isPresent())
                        .isPresent();
    }

    private static Stream<String> common(SequencedMap<String, PlacedTensor> tensors) {
        if (tensors.isEmpty()) {
            return Stream.empty();
        }
        String first = tensors.firstEntry().getKey();
        return IntStream.range(0, first.length())
                .filter(i -> first.charAt(i) == '.')
                .mapToObj(i -> first.substring(0, i + 1))
                .filter(prefix -> tensors.keySet().stream().allMatch(key -> key.startsWith(prefix)));
    }

    /// By its exact name: what a loader forgives is no proof.
    private static boolean loads(Subject subject, String prefix) {
        SequencedMap<String, PlacedTensor> bare = new LinkedHashMap<>();
        subject.tensors().forEach((key, tensor) -> bare.put(key.substring(prefix.length()), tensor));
        TiePair pair = PairResolver.resolve(bare, subject.files().config(), TieTable.shipped());
        ReleaseTies release = subject.table().orElseThrow().newest();
        return pair.embeddingIsThere() && release.embedding().equals(Optional.of(release.rename(pair.embeddingKey())));
    }
}
