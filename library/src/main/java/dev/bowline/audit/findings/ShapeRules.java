package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.PhysicalState.Slice;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.Tokens;
import dev.bowline.audit.evidence.VocabularyRows;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Rows of the pair against each other, against config.json and against the tokenizer; the head's bias.
final class ShapeRules {

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
                        : Fix.of(
                                "no action: every level says untied, and tensors of different shapes cannot be tied")));
    }

    private void placeholder(PlacedTensor tensor) {
        findings.add(new Finding(
                FindingCode.T10,
                Severity.HIGH,
                VocabularyRows.rowless(tensor),
                List.of(new Evidence("shape", tensor.entry().shape().toString())),
                "save the model again where it was trained, after gathering the weights that ZeRO-3 or FSDP"
                        + " has sharded"));
    }

    private void vocabulary() {
        Optional<Long> rows = VocabularyRows.of(subject);
        if (rows.isEmpty()) {
            return;
        }
        List<Evidence> evidence = new ArrayList<>();
        for (FlagAt level : subject.flags()) {
            VocabularyRows.vocabSize(subject.config(), level.level())
                    .filter(size -> !size.equals(rows.get().toString()))
                    .ifPresent(size -> evidence.add(new Evidence(VocabularyRows.vocabularyKey(level.level()), size)));
        }
        Optional<Long> tokens = Tokens.size(subject.files().directory());
        boolean uncovered = tokens.filter(size -> size > rows.get()).isPresent();
        if (uncovered) {
            evidence.add(
                    new Evidence("tokens of the tokenizer", tokens.orElseThrow().toString()));
        }
        if (!evidence.isEmpty()) {
            evidence.addFirst(new Evidence("rows of the embedding", rows.get().toString()));
            findings.add(
                    new Finding(
                            FindingCode.T10,
                            Severity.HIGH,
                            uncovered
                                    ? "%d tokens of the tokenizer have no row: texts with these tokens fail"
                                            .formatted(tokens.orElseThrow() - rows.get())
                                    : "the embedding has %d rows, but config.json has another vocab_size"
                                            .formatted(rows.get()),
                            evidence,
                            uncovered
                                    ? Fix.of("use the tokenizer that belongs to these weights, or resize the embedding")
                                    : VocabularyRows.settledVocabulary(subject).isPresent()
                                            ? Rules.repair(subject)
                                            : Fix.of(
                                                    "set vocab_size in config.json to the rows of the tensors that belong to it")));
        }
    }

    private void bias() {
        String head = subject.pair().headKey();
        String key = head.substring(0, head.length() - "weight".length()) + "bias";
        PlacedTensor bias = subject.tensors().get(key);
        if (bias == null || subject.asked().stream().noneMatch(tied -> tied)) {
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
