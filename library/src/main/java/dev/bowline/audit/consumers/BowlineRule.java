package dev.bowline.audit.consumers;

import dev.bowline.BowlineException;
import dev.bowline.audit.evidence.BowlineLoad;
import dev.bowline.audit.evidence.ContainerProblem;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.safetensors.TensorComparison;
import dev.bowline.safetensors.TensorRange;
import dev.bowline.safetensors.WeightFiles;
import dev.bowline.ties.HeadBytes;
import java.nio.file.Files;
import java.util.Optional;

/// Bowline's own column: what [BowlineLoad] answers, told as a view. Nothing is decided here.
final class BowlineRule {

    private static final int WHY = 240;

    private BowlineRule() {}

    /// @param subject has a load
    static ConsumerView view(Subject subject) {
        BowlineLoad load = subject.load().orElseThrow();
        try {
            requireLayout(subject.files());
            if (!load.builds(subject.config())) {
                return ConsumerView.unsupported(
                        Consumer.BOWLINE,
                        "it has no model for %s"
                                .formatted(subject.pair().architecture().orElse("an unnamed architecture")));
            }
            return view(load.answer(new BowlineLoad.Question(
                    subject.files().directory(),
                    subject.config(),
                    subject.files().index(),
                    subject.files().headers(),
                    (head, embedding) -> isSame(subject, head, embedding))));
        } catch (BowlineException e) {
            return ConsumerView.fails(Consumer.BOWLINE, "it refuses: " + shortened(e.problem()));
        }
    }

    /// The refusals of a load before it builds a model.
    private static void requireLayout(SourceFiles files) {
        if (files.config().isEmpty()) {
            throw new BowlineException(
                    "%s has no %s".formatted(files.directory(), SourceFiles.CONFIG), "name a checkpoint directory");
        }
        if (Files.isDirectory(files.path())) {
            WeightFiles.requireWeights(files.directory());
            files.index().ifPresent(index -> index.requireShards(files.directory()));
        }
        Optional<ContainerProblem> problem = files.problems().stream().findFirst();
        if (problem.isPresent()) {
            throw new BowlineException(problem.get().problem(), "download the file again");
        }
    }

    private static ConsumerView view(BowlineLoad.Answer answer) {
        String why = answer.flag().describe();
        return switch (answer.plan()) {
            case TIE -> tied(Source.EMBEDDING, why);
            case TIE_FROM_HEAD -> tied(Source.HEAD, why);
            case TIE_AND_DROP_DUPLICATE -> tied(Source.BOTH, why);
            case SEPARATE ->
                answer.bytes() == HeadBytes.BOTH_EQUAL
                        ? PresenceRules.view(Consumer.BOWLINE, Outcome.UNTIED, Source.BOTH, Source.BOTH, why)
                        : PresenceRules.view(Consumer.BOWLINE, Outcome.UNTIED, Source.HEAD, Source.EMBEDDING, why);
        };
    }

    private static ConsumerView tied(Source source, String why) {
        return PresenceRules.view(Consumer.BOWLINE, Outcome.TIED, source, source, why);
    }

    /// Returns the result of the scan for the scanned pair; reads any other pair.
    private static boolean isSame(Subject subject, TensorRange head, TensorRange embedding) {
        boolean isPair = subject.pair().head().map(PlacedTensor::range).equals(Optional.of(head))
                && subject.pair().embedding().map(PlacedTensor::range).equals(Optional.of(embedding));
        return isPair ? subject.kind() == Kind.BOTH_EQUAL : TensorComparison.isSame(head, embedding);
    }

    /// The first line of a problem that may have many.
    private static String shortened(String problem) {
        String line = problem.lines().findFirst().orElse(problem);
        return line.length() <= WHY ? line : line.substring(0, WHY) + "…";
    }
}
