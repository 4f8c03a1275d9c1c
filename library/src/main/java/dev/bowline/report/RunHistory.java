package dev.bowline.report;

import dev.bowline.train.ExpertBalance;
import dev.bowline.train.RunEvaluation;
import dev.bowline.train.RunReport;
import dev.bowline.train.StepResult;
import dev.bowline.train.ValidationResult;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SequencedMap;

/// The course of a run so far, in a bounded amount of memory, with the steps before it was resumed.
final class RunHistory {

    /// The points of a curve of steps.
    static final int POINTS = 600;

    /// The points of a curve of experts' shares, of which each layer has two.
    static final int EXPERT_POINTS = 60;

    private static final int MARKS = 1000;
    private static final int NOTES = 200;

    private final RunFacts facts;
    private final Map<RunFigure, Curve> curves = new EnumMap<>(RunFigure.class);
    private final SequencedMap<String, Shares> experts = new LinkedHashMap<>();
    private final SequencedMap<String, Curve> scores = new LinkedHashMap<>();
    private Optional<RunEvaluation> evaluation = Optional.empty();
    private final List<RunMark> marks = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private long step;
    private Instant updated;
    private Optional<RunReport> result = Optional.empty();
    private Optional<String> failure = Optional.empty();
    private OptionalLong peakMemory = OptionalLong.empty();

    /// The shares of the experts of one layer: of the expert with the fewest tokens, and of the one with the most.
    record Shares(Curve least, Curve most) {
        static Shares none() {
            return new Shares(new Curve(EXPERT_POINTS), new Curve(EXPERT_POINTS));
        }
    }

    /// The present state of a run.
    enum State {
        RUNNING,
        FINISHED,
        STOPPED,
        FAILED
    }

    RunHistory(RunFacts facts) {
        this.facts = facts;
        step = facts.resumedAt();
        updated = facts.started();
        facts.notes().forEach(this::note);
    }

    void add(StepResult result) {
        step = result.step();
        add(RunFigure.LOSS, step, result.loss());
        add(RunFigure.GRAD_NORM, step, result.gradNorm());
        add(RunFigure.LR, step, result.learningRate());
        add(RunFigure.TPS, step, result.tokensPerSecond());
    }

    void add(ValidationResult result) {
        add(RunFigure.VAL_LOSS, result.step(), result.loss());
        mark(new RunMark(
                result.step(),
                RunMark.Kind.VALIDATION,
                "validation loss %s after step %d".formatted(Figures.of(result.loss()), result.step())));
    }

    void add(RunEvaluation result) {
        result.scores().forEach((name, score) -> addScore(name, result.step(), score));
        evaluation = Optional.of(result);
    }

    /// A part of a score has no curve of its own.
    void addScore(String name, long atStep, double score) {
        if (!name.contains(".")) {
            scores.computeIfAbsent(name, _ -> new Curve(POINTS)).add(atStep, score);
        }
    }

    /// The scores of the answers by name, with the steps of the evaluations.
    SequencedMap<String, Curve> scores() {
        SequencedMap<String, Curve> drawn = new LinkedHashMap<>(scores);
        drawn.values().removeIf(Curve::isEmpty);
        return drawn;
    }

    /// The last evaluation of this process.
    Optional<RunEvaluation> evaluation() {
        return evaluation;
    }

    void add(RunFigure figure, long atStep, double value) {
        curve(figure).add(atStep, value);
    }

    void saved(Path directory) {
        mark(new RunMark(step, RunMark.Kind.SAVE, "saved %s".formatted(directory.getFileName())));
    }

    void mark(RunMark mark) {
        marks.add(mark);
        if (marks.size() > MARKS) {
            marks.removeFirst();
        }
    }

    /// Adds the shares of the choices since the previous sample.
    void addExperts(List<ExpertBalance> sinceLast) {
        for (ExpertBalance layer : sinceLast) {
            if (layer.choices() > 0) {
                Shares shares = shares(layer.layer());
                shares.least().add(step, layer.least());
                shares.most().add(step, layer.most());
            }
        }
    }

    Shares shares(String layer) {
        return experts.computeIfAbsent(layer, _ -> Shares.none());
    }

    void note(String sentence) {
        if (!notes.contains(sentence) && notes.size() < NOTES) {
            notes.add(sentence);
        }
    }

    void updated(Instant now, OptionalLong peak) {
        updated = now;
        peakMemory = peak;
    }

    void ended(RunReport report) {
        result = Optional.of(report);
        report.notes().forEach(this::note);
    }

    void failed(String problem) {
        failure = Optional.of(problem);
    }

    State state() {
        if (failure.isPresent()) {
            return State.FAILED;
        }
        return result.map(report -> switch (report.outcome()) {
                    case FINISHED -> State.FINISHED;
                    case STOPPED -> State.STOPPED;
                })
                .orElse(State.RUNNING);
    }

    RunFacts facts() {
        return facts;
    }

    List<Curve.Point> points(RunFigure figure) {
        return curve(figure).points();
    }

    private Curve curve(RunFigure figure) {
        return curves.computeIfAbsent(figure, _ -> new Curve(POINTS));
    }

    /// The layers with a sample, in the order of the model.
    SequencedMap<String, Shares> experts() {
        SequencedMap<String, Shares> sampled = new LinkedHashMap<>(experts);
        sampled.values().removeIf(shares -> shares.most().isEmpty());
        return sampled;
    }

    List<RunMark> marks() {
        return List.copyOf(marks);
    }

    List<String> notes() {
        return List.copyOf(notes);
    }

    long step() {
        return step;
    }

    Instant updated() {
        return updated;
    }

    Optional<RunReport> result() {
        return result;
    }

    Optional<String> failure() {
        return failure;
    }

    OptionalLong peakMemory() {
        return peakMemory;
    }
}
