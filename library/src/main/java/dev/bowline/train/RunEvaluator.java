package dev.bowline.train;

import dev.bowline.catalog.Pretrained;
import dev.bowline.evaluate.AnswerScores;
import dev.bowline.evaluate.EvaluatedRow;
import dev.bowline.evaluate.Evaluation;
import dev.bowline.evaluate.EvaluationMetric;
import dev.bowline.evaluate.EvaluationResult;
import dev.bowline.evaluate.EvaluationRow;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.Sampling;
import dev.bowline.json.Json;
import dev.bowline.recipe.EvaluateSection;
import dev.bowline.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/// Lets the model of a run answer held-out questions, and decides by the answers which checkpoint is the best and if
/// the
/// run ends early.
///
/// Answers are greedy, so an evaluation changes nothing in the training. The first rank answers; the others wait, or
/// send the weights that they have.
///
/// This object owns the tokenizer.
final class RunEvaluator implements AutoCloseable {

    private final EvaluateSection section;
    private final Pretrained pretrained;
    private final List<EvaluationRow> rows;
    private final Tokenizer tokenizer;
    private final RunRanks ranks;
    private final long start = System.nanoTime();
    private EvaluationProgress progress;
    private double seconds;
    private Optional<RunEvaluation> last = Optional.empty();
    private boolean skipped;

    /// @param pretrained the model that trains, which stays the caller's
    /// @param rows the questions
    /// @param progress that of the run before it was resumed
    RunEvaluator(
            EvaluateSection section,
            Pretrained pretrained,
            List<EvaluationRow> rows,
            Tokenizer tokenizer,
            RunRanks ranks,
            EvaluationProgress progress) {
        this.section = section;
        this.pretrained = pretrained;
        this.rows = List.copyOf(rows);
        this.tokenizer = tokenizer;
        this.ranks = ranks;
        this.progress = progress.of(
                questions(), section.keepBest().map(EvaluationMetric::text).orElse(""));
    }

    private String questions() {
        int hash = 1;
        for (EvaluationRow row : rows) {
            hash = 31 * (31 * hash + Arrays.hashCode(row.prompt())) + Arrays.hashCode(row.answer());
        }
        return "%d questions, %s, at most %d tokens"
                .formatted(rows.size(), Integer.toHexString(hash), section.maxNewTokens());
    }

    EvaluateSection section() {
        return section;
    }

    EvaluationProgress progress() {
        return progress;
    }

    /// The last evaluation of this process, on the first rank.
    Optional<RunEvaluation> last() {
        return last;
    }

    /// True if an evaluation was left out because evaluations took their share of the time.
    boolean hasSkipped() {
        return skipped;
    }

    /// True if no better score was seen for as long as the recipe allows.
    boolean isOver() {
        return section.patience().isPresent()
                && progress.withoutGain() >= section.patience().getAsInt();
    }

    /// Evaluates the model before the first step, unless this is known. Every rank calls this method.
    ///
    /// @param stopRequested asked on the first rank before each question
    /// @param use receives the result on the first rank
    void evaluateBase(FineTuning tuning, BooleanSupplier stopRequested, Consumer<RunEvaluation> use) {
        if (tuning.stepsTaken() == 0 && progress.base().isEmpty()) {
            evaluate(tuning, stopRequested, use);
        }
    }

    /// Evaluates the model after a step, if the time for it is not used up. Every rank calls this method.
    ///
    /// @param stopRequested asked on the first rank before each question
    /// @param use receives the result on the first rank
    void evaluateAfterStep(FineTuning tuning, BooleanSupplier stopRequested, Consumer<RunEvaluation> use) {
        boolean isTime = ranks.first(() -> Boolean.toString(tuning.isFinished() || hasTime()))
                .equals("true");
        if (isTime) {
            evaluate(tuning, stopRequested, use);
        } else {
            skipped = true;
        }
    }

    private boolean hasTime() {
        double elapsed = (System.nanoTime() - start) / 1e9;
        double next = last.map(RunEvaluation::seconds).orElse(0.0);
        return seconds + next <= section.maxShare() * (elapsed + next);
    }

    private void evaluate(FineTuning tuning, BooleanSupplier stopRequested, Consumer<RunEvaluation> use) {
        String told = ranks.firstOf(tuning, () -> {
            answer(tuning.stepsTaken(), stopRequested).ifPresent(result -> {
                last = Optional.of(result);
                seconds += result.seconds();
                progress = after(result);
                use.accept(result);
            });
            return Json.compact(progress.json());
        });
        progress = EvaluationProgress.of(Json.parse(told, "rank 0").asObject());
    }

    /// @return empty if a stop was requested: the time left is for saving
    private Optional<RunEvaluation> answer(long step, BooleanSupplier stopRequested) {
        GenerationSettings settings = GenerationSettings.of(
                        pretrained.model().config(), pretrained.checkpoint().generationConfig())
                .withSampling(new Sampling.Greedy())
                .withMaxNewTokens(section.maxNewTokens());
        AnswerScores scores = new AnswerScores(Set.copyOf(section.metrics()), section.pattern());
        EvaluationResult result = new Evaluation(pretrained.model(), tokenizer, settings, scores)
                .run(rows, stopRequested, Evaluation.Listener.silent());
        if (stopRequested.getAsBoolean()) {
            return Optional.empty();
        }
        SequencedMap<String, Double> means = new LinkedHashMap<>();
        result.scores().forEach((name, score) -> means.put(name, score.mean()));
        return Optional.of(new RunEvaluation(
                step,
                means,
                progress.base(),
                result.rows().size(),
                result.stopped(),
                result.meanTokens(),
                samples(result),
                result.seconds()));
    }

    private List<RunEvaluation.Sample> samples(EvaluationResult result) {
        List<RunEvaluation.Sample> samples = new ArrayList<>();
        for (EvaluatedRow row : result.rows()
                .subList(0, Math.min(section.samples(), result.rows().size()))) {
            samples.add(new RunEvaluation.Sample(
                    row.origin(),
                    row.prompt(),
                    row.expected(),
                    progress.answer(samples.size()),
                    row.answer().text()));
        }
        return samples;
    }

    private EvaluationProgress after(RunEvaluation result) {
        if (result.step() == 0) {
            return progress.withBase(
                    result.scores(),
                    result.samples().stream().map(RunEvaluation.Sample::answer).toList());
        }
        if (section.keepBest().isEmpty()) {
            return progress;
        }
        EvaluationMetric metric = section.keepBest().get();
        Optional<Double> score = Optional.ofNullable(result.scores().get(metric.text()));
        boolean isBest = score.filter(value -> isBetter(metric, value, 0)).isPresent();
        boolean isGain = score.filter(value -> isBetter(metric, value, section.threshold()))
                .isPresent();
        return progress.after(
                isBest ? OptionalDouble.of(score.get()) : progress.best(), isGain ? 0 : progress.withoutGain() + 1);
    }

    private boolean isBetter(EvaluationMetric metric, double score, double margin) {
        return progress.best().isEmpty()
                || metric.better().isBetter(score, progress.best().getAsDouble(), margin);
    }

    /// The score of the model's present weights for [EvaluateSection#keepBest], the smaller, the better; empty if they
    /// were not evaluated.
    OptionalDouble metric(long step) {
        Optional<EvaluationMetric> metric = section.keepBest();
        Optional<Double> score = last.filter(result -> result.step() == step)
                .flatMap(result -> metric.flatMap(
                        each -> Optional.ofNullable(result.scores().get(each.text()))));
        return score.isPresent()
                ? OptionalDouble.of(metric.orElseThrow().better().cost(score.get()))
                : OptionalDouble.empty();
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
