package dev.bowline.audit;

import dev.bowline.audit.PhysicalState.Kind;
import dev.bowline.audit.PhysicalState.Slice;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Rows of the pair against each other, against config.json and against the tokenizer; the head's bias.
final class ShapeRules {

    static final String VOCABULARY = "vocab_size";

    private final Subject subject;
    private final List<Finding> findings = new ArrayList<>();

    private ShapeRules(Subject subject) {
        this.subject = subject;
    }

    static List<Finding> check(Subject subject) {
        ShapeRules rules = new ShapeRules(subject);
        rules.shapes();
        subject.pair().placeholder().ifPresent(rules::placeholder);
        rules.vocabulary();
        rules.bias();
        return rules.findings;
    }

    private void shapes() {
        boolean slice = subject.kind() == Kind.SLICE_EQUAL;
        if (!slice && subject.kind() != Kind.SHAPE_MISMATCH) {
            return;
        }
        String head = subject.pair().head().orElseThrow().entry().shape().toString();
        String embedding =
                subject.pair().embedding().orElseThrow().entry().shape().toString();
        Optional<Slice> found = subject.state().slice();
        findings.add(new Finding(
                FindingCode.T09,
                Severity.HIGH,
                slice
                        ? "the %s is the first %d rows of the other, bit for bit"
                                .formatted(
                                        found.orElseThrow().shorter(),
                                        found.orElseThrow().rows())
                        : "the head has the shape %s, the input embedding %s".formatted(head, embedding),
                List.of(new Evidence("head", head), new Evidence("embedding", embedding)),
                subject.flags().stream().anyMatch(flag -> flag.value().orElse(true))
                        ? Rules.repair(subject)
                        : "nothing here: it says untied at every level, and a tie of unequal shapes is impossible"));
    }

    private void placeholder(PlacedTensor tensor) {
        findings.add(new Finding(
                FindingCode.T10,
                Severity.HIGH,
                rowless(tensor),
                List.of(new Evidence("shape", tensor.entry().shape().toString())),
                "save it again where the model was trained: a model that ZeRO-3 or FSDP has sharded must be gathered"
                        + " first"));
    }

    static String rowless(PlacedTensor tensor) {
        return "%s has the shape %s: no row for a token"
                .formatted(tensor.key(), tensor.entry().shape());
    }

    /// The rows that `vocab_size` should say and does not, where the files leave no doubt. A tokenizer with more
    /// tokens, or a head with other rows, may mean that the tensors are the wrong ones.
    static Optional<Long> settledVocabulary(Subject subject) {
        boolean unequal = subject.kind() == Kind.SLICE_EQUAL || subject.kind() == Kind.SHAPE_MISMATCH;
        Optional<Long> rows = rows(subject).filter(count -> count > 0 && !unequal);
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
    static Optional<String> wrongRows(Subject subject, ReleaseTies release) {
        return Stream.of(subject.pair().embedding(), subject.pair().head())
                .flatMap(Optional::stream)
                .filter(_ -> !subject.pair().isQuantised())
                .map(tensor -> wrongRows(subject.config(), release, tensor))
                .flatMap(Optional::stream)
                .findFirst();
    }

    static Optional<String> wrongRows(JsonObject config, ReleaseTies release, PlacedTensor tensor) {
        String rows = tensor.entry().shape().getFirst().toString();
        return release.rows(config)
                .filter(size -> !size.equals(rows))
                .map(size -> "%s is %s, and %s has %s rows"
                        .formatted(vocabularyKey(release.vocabulary().orElseThrow()), size, tensor.key(), rows));
    }

    private static String vocabularyKey(String level) {
        return level.isEmpty() ? VOCABULARY : level + "." + VOCABULARY;
    }

    private static Optional<Long> rows(Subject subject) {
        return subject.pair()
                .embedding()
                .or(subject.pair()::head)
                .filter(tensor -> !subject.pair().isQuantised())
                .map(tensor -> tensor.entry().shape())
                .filter(_ -> subject.pair().placeholder().isEmpty())
                .map(List::getFirst);
    }

    private void vocabulary() {
        Optional<Long> rows = rows(subject);
        if (rows.isEmpty()) {
            return;
        }
        List<Evidence> evidence = new ArrayList<>();
        for (FlagAt level : subject.flags()) {
            vocabSize(subject.config(), level.level())
                    .filter(size -> !size.equals(rows.get().toString()))
                    .ifPresent(size -> evidence.add(new Evidence(vocabularyKey(level.level()), size)));
        }
        Optional<Long> tokens = Tokens.size(subject.files().directory());
        boolean uncovered = tokens.filter(size -> size > rows.get()).isPresent();
        if (uncovered) {
            evidence.add(
                    new Evidence("tokens of the tokenizer", tokens.orElseThrow().toString()));
        }
        if (!evidence.isEmpty()) {
            evidence.addFirst(new Evidence("rows of the embedding", rows.get().toString()));
            findings.add(new Finding(
                    FindingCode.T10,
                    Severity.HIGH,
                    uncovered
                            ? "%d tokens of the tokenizer have no row: a text that has one of them fails"
                                    .formatted(tokens.orElseThrow() - rows.get())
                            : "the embedding has %d rows, and config.json says otherwise".formatted(rows.get()),
                    evidence,
                    uncovered
                            ? "use the tokenizer that belongs to these weights, or resize the embedding"
                            : settledVocabulary(subject).isPresent()
                                    ? Rules.repair(subject)
                                    : "set vocab_size in config.json to the rows of the tensors that belong to it"));
        }
    }

    /// In digits, as it may be a number that no tensor can have rows of.
    static Optional<String> vocabSize(JsonObject config, String level) {
        return ReleaseTies.objectAt(config, level)
                .flatMap((JsonObject object) -> object.get(VOCABULARY))
                .flatMap(value -> value instanceof JsonNumber number && number.isWhole()
                        ? Optional.of(number.text().length() < 19 ? String.valueOf(number.asLong()) : number.text())
                        : Optional.empty());
    }

    private void bias() {
        String head = subject.pair().headKey();
        String key = head.substring(0, head.length() - "weight".length()) + "bias";
        PlacedTensor bias = subject.tensors().get(key);
        if (bias == null || PairRules.asked(subject).stream().noneMatch(tied -> tied)) {
            return;
        }
        Optional<PlacedTensor> weight =
                subject.pair().head().or(() -> subject.pair().embedding());
        long rows = weight.map(tensor -> tensor.entry().shape())
                .filter(shape -> !shape.isEmpty())
                .map(List::getFirst)
                .orElse(-1L);
        long length = bias.entry().elements();
        findings.add(new Finding(
                FindingCode.T20,
                Severity.LOW,
                length == rows
                        ? "the tied head has a bias, which converters drop"
                        : "the tied head has a bias of %d for %d rows".formatted(length, rows),
                List.of(new Evidence("bias", key)),
                "keep it, and compare logits after a conversion"));
    }
}
