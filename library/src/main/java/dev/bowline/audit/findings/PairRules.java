package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.consumers.Outcome;
import dev.bowline.audit.evidence.PairScan;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.audit.evidence.PhysicalState.Difference;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.Role;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.Tokens;
import dev.bowline.audit.evidence.VocabularyRows;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The verdict matrix: what is asked against what is there.
final class PairRules {

    private final Subject subject;
    private final List<ConsumerView> views;
    private final List<Finding> findings = new ArrayList<>();
    private final boolean anyTied;
    private final boolean anyUntied;
    private final boolean allTied;

    PairRules(Subject subject, List<ConsumerView> views) {
        this.subject = subject;
        this.views = views;
        List<Boolean> asked = subject.asked();
        anyTied = asked.contains(true);
        anyUntied = asked.contains(false);
        allTied = anyTied && !anyUntied;
    }

    List<Finding> check() {
        switch (subject.kind()) {
            case EMBED_ONLY -> embedOnly();
            case HEAD_ONLY -> headOnly();
            case BOTH_EQUAL -> bothEqual();
            case BOTH_EQUAL_AFTER_CAST -> afterCast();
            case BOTH_DIFFER -> differ();
            case NEITHER ->
                add(
                        FindingCode.T02B,
                        Severity.CRITICAL,
                        "neither the head nor the input embedding is in the files",
                        Rules.repair(subject));
            case QUANTISED -> quantised();
            case SLICE_EQUAL, SHAPE_MISMATCH, UNKNOWN -> {}
        }
        return findings;
    }

    private void embedOnly() {
        if (!anyUntied) {
            return;
        }
        boolean notForGeneration = subject.isEmbeddingModel();
        add(
                FindingCode.T02,
                notForGeneration ? Severity.LOW : Severity.CRITICAL,
                "the flag says untied, but the files have no head: %s"
                        .formatted(
                                notForGeneration
                                        ? "harmless for an embedding model"
                                        : "loaders leave the head random or refuse the checkpoint"),
                Rules.repair(subject));
    }

    private void headOnly() {
        if (anyUntied) {
            add(
                    FindingCode.T02C,
                    Severity.CRITICAL,
                    "the flag says untied, but the files have no input embedding",
                    Fix.of("restore %s from the original checkpoint"
                            .formatted(subject.pair().embeddingKey())));
        }
        if (anyTied) {
            add(
                    FindingCode.T07,
                    Severity.HIGH,
                    "the tied value is stored under the head's name only; loaders that tie from the embedding find nothing",
                    allTied ? Rules.repair(subject) : Fix.of("first decide the flag; see T03"));
        }
    }

    private void bothEqual() {
        if (anyTied) {
            long bytes = subject.pair().head().orElseThrow().entry().bytes();
            boolean strict = VocabularyRows.wrongRows(subject).isEmpty()
                    && views.stream()
                            .anyMatch(view -> view.consumer() != Consumer.BOWLINE && view.outcome() == Outcome.FAILS);
            add(
                    FindingCode.T05,
                    strict ? Severity.HIGH : Severity.MEDIUM,
                    "the tied value is stored twice: %,d bytes are a copy".formatted(bytes),
                    Rules.repair(subject),
                    new Evidence("bytes", String.valueOf(bytes)));
        } else {
            add(
                    FindingCode.T14,
                    Severity.LOW,
                    "the flag says untied, but both tensors have the same bytes: a fresh untie, an undeclared tie, or"
                            + " the two copies that a trainer with pipeline parallelism makes of a tied weight (NeMo"
                            + " AutoModel gives its last stage a head of its own)",
                    Fix.of("no action if this is intended; to tie: ").and(Rules.tie(subject)),
                    new Evidence(
                            "bytes",
                            String.valueOf(
                                    subject.pair().head().orElseThrow().entry().bytes())));
        }
    }

    private void afterCast() {
        PhysicalState.Cast cast = subject.state().cast().orElseThrow();
        add(
                FindingCode.T21,
                Severity.MEDIUM,
                "one value is stored in two types: %s %s and %s %s"
                        .formatted(
                                subject.pair().headKey(),
                                type(Role.HEAD),
                                subject.pair().embeddingKey(),
                                type(Role.EMBEDDING)),
                anyTied
                        ? Rules.repair(subject)
                        : Fix.of("no action if this is intended; to tie: ").and(Rules.tie(subject)),
                new Evidence("wider", cast.wider().toString()),
                new Evidence("exact", String.valueOf(cast.exact())));
    }

    private String type(Role role) {
        Optional<PlacedTensor> tensor =
                role == Role.HEAD ? subject.pair().head() : subject.pair().embedding();
        return tensor.orElseThrow().entry().type().name();
    }

    private void differ() {
        Difference difference = subject.state().difference().orElseThrow();
        Evidence[] evidence = evidence(difference);
        List<ConsumerView> losing = views.stream().filter(ConsumerView::loses).toList();
        if (anyTied) {
            add(
                    FindingCode.T01,
                    Severity.CRITICAL,
                    "the flag says tied, but head and embedding differ%s"
                            .formatted(losing.isEmpty() ? "" : ": silently lost in " + Verdicts.names(losing)),
                    Rules.repair(subject),
                    evidence);
        }
        boolean nearlyAll = difference.differing() * 100 < difference.rows();
        boolean rounding = difference.ulps() <= 1;
        if (nearlyAll || rounding) {
            add(
                    FindingCode.T06,
                    Severity.HIGH,
                    rounding
                            ? "head and embedding differ by rounding only"
                            : "only %d of %d rows differ: added tokens, or rows that were trained on one side"
                                    .formatted(difference.differing(), difference.rows()),
                    anyTied
                            ? Rules.repair(subject)
                            : Fix.of("no action if this is intended; to tie: ").and(Rules.keepEmbedding(subject)),
                    evidence);
        }
    }

    private Evidence[] evidence(Difference difference) {
        return new Evidence[] {
            new Evidence("rows that differ", "%d of %d".formatted(difference.differing(), difference.rows())),
            new Evidence("first row", String.valueOf(difference.firstRow())),
            new Evidence("largest difference", String.format(Locale.ROOT, "%.6g", difference.largest())),
            new Evidence("rows", difference.sample().toString()),
            new Evidence("tokens", Tokens.of(subject.files().directory(), difference.sample()))
        };
    }

    private void quantised() {
        boolean head = !subject.pair().headParts().isEmpty();
        boolean embedding = !subject.pair().embeddingParts().isEmpty();
        boolean same = head && embedding && sameParts();
        if (anyTied && !same) {
            boolean both = subject.pair().headIsThere() && subject.pair().embeddingIsThere();
            if (both) {
                add(
                        FindingCode.T11,
                        Severity.HIGH,
                        "the flag says tied, and %s"
                                .formatted(
                                        head && embedding
                                                ? "head and embedding are quantised differently"
                                                : "only the %s is quantised".formatted(head ? "head" : "embedding")),
                        Rules.repair(subject),
                        new Evidence("head", subject.pair().headParts().toString()),
                        new Evidence(
                                "embedding", subject.pair().embeddingParts().toString()));
            }
        }
    }

    private boolean sameParts() {
        List<String> head = subject.pair().headParts();
        String headStem = stem(subject.pair().headKey());
        String embeddingStem = stem(subject.pair().embeddingKey());
        return head.size() == subject.pair().embeddingParts().size()
                && head.stream().allMatch(key -> {
                    PlacedTensor a = subject.tensors().get(key);
                    PlacedTensor b = subject.tensors().get(embeddingStem + key.substring(headStem.length()));
                    return a != null && b != null && PairScan.isSame(a, b);
                });
    }

    private static String stem(String key) {
        return key.substring(0, key.length() - ".weight".length());
    }

    private void add(FindingCode code, Severity severity, String what, Fix fix, Evidence... evidence) {
        findings.add(new Finding(code, severity, what, List.of(evidence), fix));
    }
}
