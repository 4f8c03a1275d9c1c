package dev.bowline.audit.findings;

import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.evidence.FlagAt;
import dev.bowline.audit.evidence.Flags;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TieTable;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.nio.file.Path;
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
                findings.addAll(new FlagRules(subject, views).check());
                findings.addAll(ValueRules.check(subject));
                ExpertScales.check(subject).ifPresent(findings::add);
            }
            findings.addAll(ShapeRules.check(subject));
            findings.addAll(GroupRules.check(subject));
        }
        return SilentCells.withCause(subject, views, findings);
    }

    /// The checkpoint's directory as an argument of a command to paste.
    public static String quoted(Subject subject) {
        return quoted(subject.files().directory());
    }

    public static String quoted(Path name) {
        return dev.bowline.audit.evidence.ShellWord.of(name);
    }

    /// The command that decides by the bytes; where they do not decide, what else to do.
    static String repair(Subject subject) {
        String command = "bowline repair %s --in-place --apply".formatted(quoted(subject));
        return switch (subject.kind()) {
            case EMBED_ONLY ->
                subject.saysTied() || subject.familyTied()
                        ? command
                        : restoreOrTie(subject, subject.pair().headKey());
            case HEAD_ONLY ->
                subject.saysTied()
                        ? command
                        : restoreOrTie(subject, subject.pair().embeddingKey());
            case NEITHER, UNKNOWN ->
                RenamedTensors.of(subject).isPresent()
                        ? command
                        : "download the checkpoint again, or restore both tensors from the original";
            case BOTH_DIFFER ->
                canUntie(subject)
                        ? command
                        : "no flag unties this class, so one value has to go: --keep head, or bowline repair %s"
                                        .formatted(quoted(subject))
                                + " --keep embedding --in-place --apply";
            case SLICE_EQUAL, SHAPE_MISMATCH ->
                canUntie(subject)
                        ? command
                        : "no flag unties this class: restore both tensors from the original checkpoint";
            case BOTH_EQUAL, BOTH_EQUAL_AFTER_CAST, QUANTISED -> command;
        };
    }

    /// Whether both releases take it for untied when every level says so.
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

    private static String restoreOrTie(Subject subject, String key) {
        return "restore %s from the original checkpoint; if the model was trained tied: %s"
                .formatted(key, tie(subject));
    }

    /// The command for whoever knows that it was trained tied.
    static String tie(Subject subject) {
        return "bowline repair %s --tied --in-place --apply".formatted(quoted(subject));
    }
}
