package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.Remedy.Decision;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.Flags;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TieTable;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// All rules over one checkpoint.
public final class Rules {

    private Rules() {}

    public static List<Finding> check(Subject subject, List<ConsumerView> views) {
        List<Finding> findings = new ArrayList<>();
        findings.addAll(ContainerRules.check(subject));
        if (subject.pair().hasHead()) {
            if (subject.kind() != PhysicalState.Kind.UNKNOWN) {
                findings.addAll(new PairRules(subject, views).check());
                findings.addAll(new FlagRules(subject).check());
                findings.addAll(ValueRules.check(subject));
                ExpertScales.check(subject).ifPresent(findings::add);
            }
            findings.addAll(ShapeRules.check(subject));
            findings.addAll(GroupRules.check(subject));
        }
        return SilentCells.withCause(subject, views, findings);
    }

    /// The repair that decides by the bytes; where they do not decide, the other ways out.
    static Fix repair(Subject subject) {
        Fix repair = Fix.of(Remedy.Repair.inPlace(subject.files().directory()));
        return switch (subject.kind()) {
            case EMBED_ONLY ->
                subject.saysTied() || subject.familyTied()
                        ? repair
                        : restoreOrTie(subject, subject.pair().headKey());
            case HEAD_ONLY ->
                subject.saysTied()
                        ? repair
                        : restoreOrTie(subject, subject.pair().embeddingKey());
            case NEITHER, UNKNOWN ->
                RenamedTensors.of(subject).isPresent()
                        ? repair
                        : Fix.of("download the checkpoint again, or restore both tensors from the original");
            case BOTH_DIFFER ->
                canUntie(subject)
                        ? repair
                        : Fix.of("no flag unties this class, so one value has to go: ")
                                .and(new Remedy.Decide(Decision.KEEP_HEAD))
                                .and(", or ")
                                .and(keepEmbedding(subject));
            case SLICE_EQUAL, SHAPE_MISMATCH ->
                canUntie(subject)
                        ? repair
                        : Fix.of("no flag unties this class: restore both tensors from the original checkpoint");
            case BOTH_EQUAL, BOTH_EQUAL_AFTER_CAST, QUANTISED -> repair;
        };
    }

    /// True if both releases take it for untied when every level says so.
    private static boolean canUntie(Subject subject) {
        JsonObject config = subject.config();
        for (FlagAt flag : subject.flags()) {
            config = Flags.with(config, flag.level(), "tie_word_embeddings", JsonValue.of(false));
        }
        JsonObject untied = config;
        return Stream.of(
                        subject.table().flatMap(TieTable.Entry::v4),
                        subject.table().flatMap(TieTable.Entry::v5))
                .flatMap(Optional::stream)
                .noneMatch(release -> release.decides(untied) == 'T');
    }

    private static Fix restoreOrTie(Subject subject, String key) {
        return Fix.of("restore %s from the original checkpoint; if the model was trained tied: ".formatted(key))
                .and(tie(subject));
    }

    /// The repair for an owner who knows that the model was trained tied.
    static Remedy tie(Subject subject) {
        return Remedy.Repair.inPlace(subject.files().directory(), Decision.TIED);
    }

    /// The repair that ties two values that differ, and keeps the input embedding's.
    static Remedy keepEmbedding(Subject subject) {
        return Remedy.Repair.inPlace(subject.files().directory(), Decision.KEEP_EMBEDDING);
    }
}
