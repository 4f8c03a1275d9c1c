package dev.bowline.audit.repair;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.Remedy.Decision;
import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.PairScan;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.RebuiltRows;
import dev.bowline.audit.evidence.Role;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TensorNames;
import dev.bowline.audit.evidence.Tokens;
import dev.bowline.audit.evidence.VocabularyRows;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.audit.repair.RepairOptions.Declare;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Decides a repair by the bytes, and refuses where they do not decide.
final class RepairPlanner {

    private final TieAudit before;
    private final Straightened straight;
    private final Subject subject;
    private final TieAudit audit;
    private final RepairOptions options;
    private final List<String> steps = new ArrayList<>();
    private final List<String> losses = new ArrayList<>();

    private RepairPlanner(TieAudit before, Straightened straight, RepairOptions options) {
        this.before = before;
        this.straight = straight;
        this.options = options;
        subject = straight.subject();
        audit = straight.steps().isEmpty() ? before : TieAudit.of(subject, AuditOptions.of(subject.load()));
        steps.addAll(straight.steps());
    }

    static RepairPlan plan(Subject subject, RepairOptions options) {
        TieAudit before = TieAudit.of(subject, AuditOptions.of(subject.load()));
        return new RepairPlanner(before, Straightened.of(subject, options), options).plan();
    }

    private RepairPlan plan() {
        if (!subject.pair().hasHead() || subject.files().config().isEmpty()) {
            throw refusal("it is not a language model with a config.json", "name a checkpoint directory");
        }
        boolean tied = tied();
        Map<String, List<String>> names = new LinkedHashMap<>();
        String head = subject.pair().headKey();
        String embedding = subject.pair().embeddingKey();
        switch (subject.kind()) {
            case HEAD_ONLY -> {
                names.put(head, List.of(embedding));
                steps.add("rename %s to %s, bytes untouched".formatted(head, embedding));
            }
            case BOTH_EQUAL -> {
                if (tied) {
                    names.put(head, List.of());
                    steps.add("drop " + head);
                }
            }
            case BOTH_EQUAL_AFTER_CAST, BOTH_DIFFER -> {
                Optional<Role> keep = keep(tied);
                if (keep.isPresent() && keep.get() == Role.HEAD) {
                    names.put(embedding, List.of());
                    names.put(head, List.of(embedding));
                    steps.add("keep %s under the name %s".formatted(head, embedding));
                    steps.add("drop the old %s".formatted(embedding));
                } else if (keep.isPresent()) {
                    names.put(head, List.of());
                    steps.add("drop " + head);
                }
            }
            case EMBED_ONLY -> {
                if (!tied) {
                    names.put(embedding, List.of(embedding, head));
                    steps.add("write %s a second time as %s".formatted(embedding, head));
                }
            }
            case SLICE_EQUAL, SHAPE_MISMATCH, QUANTISED, NEITHER, UNKNOWN -> {}
        }
        Optional<RebuiltRows> rebuilt = rebuilt(tied);
        boolean turnsFlag =
                subject.flags().stream().anyMatch(flag -> !flag.value().equals(Optional.of(tied)));
        Optional<Long> vocabulary = VocabularyRows.settledVocabulary(subject);
        vocabulary.ifPresent(rows -> steps.add("set vocab_size to %d, the number of rows".formatted(rows)));
        if (turnsFlag) {
            steps.add("set tie_word_embeddings to %s at %s"
                    .formatted(
                            tied,
                            String.join(
                                    ", ",
                                    subject.flags().stream()
                                            .map(flag -> flag.level().isEmpty() ? "the top" : flag.level())
                                            .toList())));
        }
        if (audit.has(FindingCode.T08)) {
            requireOneModel();
            steps.add("rebuild the index from the headers");
        }
        TensorNames all = straight.names().then(names, straight.source().headers());
        boolean rewritesIndex = subject.files().index().isPresent() && (!all.isEmpty() || audit.has(FindingCode.T08));
        boolean rewritesAlias = audit.has(FindingCode.T19);
        if (rewritesAlias) {
            steps.add("correct the alias in __metadata__");
        }
        RepairPlan plan = new RepairPlan(
                before,
                subject.load(),
                subject.pair(),
                tied,
                all,
                rebuilt,
                straight.malformed(),
                rewritesIndex,
                rewritesAlias,
                turnsFlag || vocabulary.isPresent(),
                vocabulary,
                steps,
                losses,
                before);
        RepairPlan previewed = plan.withAfter(RepairPreview.audit(straight, plan));
        RepairCheck.require(previewed, previewed.after());
        return previewed;
    }

    /// Two values under one name need a decision, whatever else is asked.
    private Optional<Role> keep(boolean tied) {
        if (subject.kind() == Kind.BOTH_EQUAL_AFTER_CAST) {
            return tied
                    ? Optional.of(options.keep()
                            .orElse(subject.state().cast().orElseThrow().wider()))
                    : Optional.empty();
        }
        options.keep()
                .ifPresent(kept -> losses.add("%s: %d of %d rows, the largest difference is %.6g"
                        .formatted(
                                kept == Role.HEAD
                                        ? subject.pair().embeddingKey()
                                        : subject.pair().headKey(),
                                subject.state().difference().orElseThrow().differing(),
                                subject.state().difference().orElseThrow().rows(),
                                subject.state().difference().orElseThrow().largest())));
        return options.keep();
    }

    /// The flag that the bytes imply; where they allow both, the declared one.
    private boolean tied() {
        List<Boolean> asked = subject.asked();
        boolean declared = options.declare().map(Declare.TIED::equals).orElseGet(() -> asked.contains(true));
        return switch (subject.kind()) {
            case BOTH_DIFFER -> {
                if (options.declare().equals(Optional.of(Declare.TIED))
                        && options.keep().isEmpty()) {
                    throw refusal(
                            "head and embedding differ, so tying them would lose one",
                            Fix.of("say which with ")
                                    .and(new Remedy.Decide(Decision.KEEP_HEAD))
                                    .and(" or ")
                                    .and(new Remedy.Decide(Decision.KEEP_EMBEDDING))
                                    .and(", or leave both with ")
                                    .and(new Remedy.Decide(Decision.UNTIED)));
                }
                yield options.keep().isPresent();
            }
            case EMBED_ONLY -> {
                if (options.declare().isEmpty() && !asked.contains(true) && !subject.familyTied()) {
                    throw refusal(
                            "the head is missing, and nothing says that the model was trained tied",
                            Fix.of("restore the head, or say ")
                                    .and(new Remedy.Decide(Decision.TIED))
                                    .and(" if you know that it was"));
                }
                yield declared || options.declare().isEmpty();
            }
            case HEAD_ONLY -> {
                requireNoOtherEmbedding();
                if (!asked.contains(true) && options.declare().isEmpty()) {
                    throw refusal(
                            "the input embedding is missing, and nothing says that the model was trained tied",
                            Fix.of("restore the embedding from the original checkpoint, or say ")
                                    .and(new Remedy.Decide(Decision.TIED))
                                    .and(" if you know that it was"));
                }
                yield true;
            }
            case BOTH_EQUAL, BOTH_EQUAL_AFTER_CAST -> declared;
            case SLICE_EQUAL, SHAPE_MISMATCH, QUANTISED -> {
                if (options.declare().equals(Optional.of(Declare.TIED))) {
                    throw refusal(
                            "head and embedding have different shapes or formats, so they cannot be one tensor",
                            "leave them untied");
                }
                yield subject.kind() == Kind.QUANTISED && !audit.has(FindingCode.T11) && asked.contains(true);
            }
            case NEITHER, UNKNOWN ->
                throw refusal(
                        subject.pair()
                                .placeholder()
                                .map(VocabularyRows::rowless)
                                .orElse("the tensors are not in the files"),
                        "restore them from the original checkpoint");
        };
    }

    /// An embedding under a name that the class does not load may be the one that is missing.
    private void requireNoOtherEmbedding() {
        PlacedTensor head = subject.pair().head().orElseThrow();
        subject.pair().auxiliary().stream()
                .filter(key -> key.endsWith("embed_tokens.weight"))
                .flatMap(key -> Optional.ofNullable(subject.tensors().get(key)).stream())
                .filter(other -> other.entry().shape().equals(head.entry().shape()))
                .filter(other -> other.entry().type() != head.entry().type() || !PairScan.isSame(other, head))
                .findFirst()
                .ifPresent(other -> {
                    throw refusal(
                            "%s has the shape of the missing %s and other values than %s"
                                    .formatted(
                                            other.key(),
                                            subject.pair().embeddingKey(),
                                            subject.pair().headKey()),
                            "if it is the input embedding, give every tensor the name that %s loads; if not, remove it"
                                    .formatted(subject.pair().architecture().orElse("the model")));
                });
    }

    private Optional<RebuiltRows> rebuilt(boolean tied) {
        if (!options.rebuildsRows() || !audit.has(FindingCode.T16)) {
            return Optional.empty();
        }
        String fix = "restore the rows from the base model";
        if (tied) {
            throw refusal(
                    "a row of a tied embedding is the head's row too, so there is nothing to rebuild it from", fix);
        }
        RebuiltRows.doubt(subject).ifPresent(doubt -> {
            throw refusal(doubt, fix);
        });
        RebuiltRows rows = RebuiltRows.of(subject);
        List<Long> ids = List.copyOf(rows.rows().keySet());
        String tokens = Tokens.of(subject.files().directory(), ids);
        steps.add("compute rows %s of %s%s from the head's rows, scaled to the norm %.4g of the healthy rows"
                .formatted(
                        ids, subject.pair().embeddingKey(), tokens.isBlank() ? "" : " (" + tokens + ")", rows.norm()));
        return Optional.of(rows);
    }

    private void requireOneModel() {
        if (subject.files().stray()) {
            throw refusal(
                    "it holds both model.safetensors and an index, which may be two models",
                    "remove the one that is stale");
        }
    }

    private BowlineException refusal(String problem, String fix) {
        return refusal(problem, Fix.of(fix));
    }

    private BowlineException refusal(String problem, Fix fix) {
        return refusal(subject.files().path(), problem, fix);
    }

    static BowlineException refusal(Path path, String problem, Fix fix) {
        return new BowlineException("%s is not repaired: %s".formatted(path, problem), fix);
    }
}
