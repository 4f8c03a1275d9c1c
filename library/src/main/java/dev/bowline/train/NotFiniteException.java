package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.data.Batch;
import java.nio.file.Path;
import java.util.List;

/// The loss or a gradient of a step is not finite. The step did not change the weights.
public final class NotFiniteException extends BowlineException {

    private static final int NAMED = 8;

    private final long step;

    private NotFiniteException(long step, String problem, String fix) {
        this(step, problem, Fix.of(fix));
    }

    private NotFiniteException(long step, String problem, Fix fix) {
        super(problem, fix);
        this.step = step;
    }

    /// @param batches the micro-batches whose loss is not finite; if every loss is finite, those whose gradient
    ///     is not
    /// @param of the number of micro-batches of the step
    static NotFiniteException of(long step, double loss, double gradientNorm, List<Batch> batches, int of) {
        List<String> rows =
                batches.stream().flatMap(batch -> batch.origins().stream()).toList();
        String named = String.join(", ", rows.subList(0, Math.min(NAMED, rows.size())));
        String more = rows.size() > NAMED ? " and %d more".formatted(rows.size() - NAMED) : "";
        String where = batches.size() == of ? "" : ", in %d of %d micro-batches".formatted(batches.size(), of);
        return new NotFiniteException(
                step,
                "step %d: the loss is %s and the gradient norm %s%s, with the examples of %s%s; the step was not taken"
                        .formatted(step, loss, gradientNorm, where, named, more),
                "check these examples, or lower the learning rate");
    }

    /// The step that was not taken.
    public long step() {
        return step;
    }

    /// The same, for a model whose weights were not finite before the first step.
    ///
    /// @param weight the name of the first such weight
    NotFiniteException inWeight(String weight) {
        return new NotFiniteException(
                step,
                "%s; '%s' has values that are not finite".formatted(problem(), weight),
                "its weights are damaged: use another copy of the checkpoint, or an earlier one");
    }

    /// The same, with the directory where the previous steps were saved.
    NotFiniteException withSaved(Path directory) {
        return new NotFiniteException(
                step,
                problem(),
                howToFix()
                        .and("\n  the weights before step %d are in %s, in case the examples are the cause"
                                .formatted(step, directory)));
    }

    /// The same, with a fix for this run.
    NotFiniteException withFix(Fix fix) {
        return new NotFiniteException(step, problem(), howToFix().and("; ").and(fix));
    }
}
