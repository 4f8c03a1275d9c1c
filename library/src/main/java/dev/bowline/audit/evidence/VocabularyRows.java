package dev.bowline.audit.evidence;

import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The rows of the pair against `vocab_size` of config.json.
public final class VocabularyRows {

    public static final String VOCABULARY = "vocab_size";

    private VocabularyRows() {}

    /// The rows that `vocab_size` should say and does not, where the files leave no doubt. A tokenizer with more
    /// tokens, or a head with other rows, may mean that the tensors are the wrong ones.
    public static Optional<Long> settledVocabulary(Subject subject) {
        boolean unequal = subject.kind() == Kind.SLICE_EQUAL || subject.kind() == Kind.SHAPE_MISMATCH;
        Optional<Long> rows = of(subject).filter(count -> count > 0 && !unequal);
        boolean uncovered = rows.isPresent()
                && Tokens.size(subject.files().directory())
                        .filter(size -> size > rows.get())
                        .isPresent();
        boolean differs = subject.flags().stream()
                .anyMatch(level -> rows.isPresent()
                        && vocabSize(subject.config(), level.level())
                                .filter(size -> !size.equals(rows.get().toString()))
                                .isPresent());
        return rows.filter(_ -> differs && !uncovered);
    }

    /// Why a class whose parameters have `vocab_size` rows cannot take the pair; empty when it can, or nobody knows.
    public static Optional<String> wrongRows(Subject subject, ReleaseTies release) {
        return Stream.of(subject.pair().embedding(), subject.pair().head())
                .flatMap(Optional::stream)
                .filter(_ -> !subject.pair().isQuantised())
                .map(tensor -> wrongRows(subject.config(), release, tensor))
                .flatMap(Optional::stream)
                .findFirst();
    }

    public static Optional<String> wrongRows(JsonObject config, ReleaseTies release, PlacedTensor tensor) {
        String rows = tensor.entry().shape().getFirst().toString();
        return release.rows(config)
                .filter(size -> !size.equals(rows))
                .map(size -> "%s is %s, and %s has %s rows"
                        .formatted(vocabularyKey(release.vocabulary().orElseThrow()), size, tensor.key(), rows));
    }

    public static String vocabularyKey(String level) {
        return level.isEmpty() ? VOCABULARY : level + "." + VOCABULARY;
    }

    public static Optional<Long> of(Subject subject) {
        return subject.pair()
                .embedding()
                .or(subject.pair()::head)
                .filter(tensor -> !subject.pair().isQuantised())
                .map(tensor -> tensor.entry().shape())
                .filter(_ -> subject.pair().placeholder().isEmpty())
                .map(List::getFirst);
    }

    /// In digits, as it may be a number that no tensor can have rows of.
    public static Optional<String> vocabSize(JsonObject config, String level) {
        return ReleaseTies.objectAt(config, level)
                .flatMap((JsonObject object) -> object.get(VOCABULARY))
                .flatMap(value -> value instanceof JsonNumber number && number.isWhole()
                        ? Optional.of(number.text().length() < 19 ? String.valueOf(number.asLong()) : number.text())
                        : Optional.empty());
    }

    public static String rowless(PlacedTensor tensor) {
        return "%s has the shape %s: no row for a token"
                .formatted(tensor.key(), tensor.entry().shape());
    }

    /// Loaders that take the shapes of their parameters from config.json, at the level that transformers reads.
    public static Optional<String> wrongRows(Subject subject) {
        return subject.table().flatMap(entry -> wrongRows(subject, entry.newest()));
    }
}
