package dev.bowline.recipe;

import dev.bowline.evaluate.EvaluationMetric;
import dev.bowline.recipe.Key.Default;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/// The questions that the model answers while it trains, and the decisions that depend on its answers.
///
/// @param everySteps steps between two evaluations; empty for one after the last step
/// @param data file of the questions; empty for those of the validation dataset
/// @param split of `data`; empty for the usual split
/// @param limit the most questions, from the first
/// @param maxNewTokens the longest answer in tokens
/// @param metrics the scores, in the order of the enum
/// @param regex the pattern of [EvaluationMetric#REGEX]
/// @param samples the number of answers to show, from the first
/// @param keepBest the score that decides which checkpoint is the best; empty for the validation loss
/// @param patience evaluations without a better score after which the run ends; empty for none
/// @param threshold the least gain that counts as a better score
/// @param maxShare the largest share of the run's time, 0 to 1
public record EvaluateSection(
        Optional<Integer> everySteps,
        Optional<Path> data,
        Optional<String> split,
        int limit,
        int maxNewTokens,
        List<EvaluationMetric> metrics,
        Optional<String> regex,
        int samples,
        Optional<EvaluationMetric> keepBest,
        OptionalInt patience,
        double threshold,
        double maxShare) {

    private static final Map<String, EvaluationMetric> METRIC_NAMES = metricNames();

    static final Section SECTION = new Section("evaluate");

    static final Key<Optional<Integer>> EVERY_STEPS = SECTION.key(
            "every_steps",
            NumberTypes.integerFrom(1).optional(),
            Default.of(Optional.empty(), "once, after the last step"),
            "Steps between two evaluations. The base model is evaluated before the first step, and the last step always.");

    static final Key<Optional<Path>> DATA = SECTION.key(
            "data",
            PathTypes.fileOrDirectory().optional(),
            Default.of(Optional.empty(), "the validation_dataset"),
            "The questions and expected answers, in a format of `dataset`, which also gives the columns and the template.");

    static final Key<Optional<String>> SPLIT = SECTION.key(
            "split",
            TextTypes.split().optional(),
            Default.of(Optional.empty(), "validation, or the only one there is"),
            "Split of `data` to read.");

    static final Key<Integer> LIMIT = SECTION.key(
            "limit",
            NumberTypes.integerFrom(1),
            Default.of(100, "an evaluation takes seconds to minutes"),
            "The most questions, from the first.");

    static final Key<Integer> MAX_NEW_TOKENS = SECTION.key(
            "max_new_tokens",
            NumberTypes.integerFrom(1),
            Default.of(256, "as evaluate"),
            "The longest answer in tokens.");

    static final Key<List<EvaluationMetric>> METRICS = SECTION.key(
            "metrics",
            TextTypes.listOf(METRIC_NAMES),
            Default.of(
                    List.of(EvaluationMetric.EXACT_MATCH, EvaluationMetric.CONTAINS, EvaluationMetric.PERPLEXITY),
                    "as evaluate"),
            "The scores of the answers.");

    static final Key<Optional<String>> REGEX = SECTION.key(
            "regex",
            TextTypes.regex().optional(),
            Default.of(Optional.empty(), "no pattern"),
            "The regular expression that the score regex looks for in an answer.");

    static final Key<Integer> SAMPLES = SECTION.key(
            "samples",
            NumberTypes.zeroOrFrom(1),
            Default.of(5, "enough to see what a score means"),
            "Number of answers to show, of the base model and of the trained one.");

    static final Key<Optional<EvaluationMetric>> KEEP_BEST = SECTION.key(
            "keep_best",
            TextTypes.oneOf(METRIC_NAMES).optional(),
            Default.of(Optional.empty(), "the validation loss decides, if there is one"),
            "The score by which a checkpoint is the best, which is kept in addition to the newest ones.");

    static final Key<Optional<Integer>> PATIENCE = SECTION.key(
            "early_stopping_patience",
            NumberTypes.integerFrom(1).optional(),
            Default.of(Optional.empty(), "the run takes all its steps"),
            "Evaluations without a better keep_best score after which the run ends, as in transformers.");

    static final Key<Double> THRESHOLD = SECTION.key(
            "early_stopping_threshold",
            NumberTypes.atLeast(0, "0.01"),
            Default.of(0.0, "as transformers"),
            "The least gain over the best score so far that counts for early stopping.");

    static final Key<Double> MAX_SHARE = SECTION.key(
            "max_share",
            NumberTypes.fraction("0.1"),
            Default.of(0.1, "nine tenths of the time are for training"),
            "Largest share of the run's time for evaluations; one that would exceed it is left out. The first and the last"
                    + " always take place.");

    public EvaluateSection {
        metrics = List.copyOf(metrics);
        EVERY_STEPS.require(everySteps);
        LIMIT.require(limit);
        MAX_NEW_TOKENS.require(maxNewTokens);
        METRICS.require(metrics);
        SAMPLES.require(samples);
        THRESHOLD.require(threshold);
        MAX_SHARE.require(maxShare);
    }

    /// The pattern of [EvaluationMetric#REGEX].
    public Optional<Pattern> pattern() {
        return regex.map(Pattern::compile);
    }

    private static Map<String, EvaluationMetric> metricNames() {
        Map<String, EvaluationMetric> names = new LinkedHashMap<>();
        for (EvaluationMetric metric : EvaluationMetric.values()) {
            names.put(metric.text(), metric);
        }
        return names;
    }

    static EvaluateSection of(RecipeValues values) {
        List<EvaluationMetric> metrics = new ArrayList<>(values.use(METRICS));
        Optional<String> regex = values.use(REGEX);
        if (regex.isPresent() && !metrics.contains(EvaluationMetric.REGEX)) {
            metrics.add(EvaluationMetric.REGEX);
        }
        return new EvaluateSection(
                values.use(EVERY_STEPS),
                values.use(DATA),
                values.use(SPLIT),
                values.use(LIMIT),
                values.use(MAX_NEW_TOKENS),
                metrics,
                regex,
                values.use(SAMPLES),
                values.use(KEEP_BEST),
                values.use(PATIENCE).map(OptionalInt::of).orElse(OptionalInt.empty()),
                values.use(THRESHOLD),
                values.use(MAX_SHARE));
    }

    static void check(RecipeValues values) {
        boolean hasData = values.findSome(DATA).isPresent();
        if (!hasData && !values.hasSection(DatasetKeys.VALIDATION.section.path())) {
            values.refuse(
                    "evaluate has no questions: there is neither evaluate.data nor a validation_dataset",
                    "name a file of held-out examples as evaluate.data, or add a validation_dataset",
                    DATA,
                    EVERY_STEPS,
                    METRICS);
        }
        if (!hasData) {
            values.refuseWithoutEffect(SPLIT, "without evaluate.data");
        }
        List<EvaluationMetric> metrics = values.find(METRICS).orElse(List.of(EvaluationMetric.values()));
        boolean hasRegex = values.findSome(REGEX).isPresent();
        if (metrics.contains(EvaluationMetric.REGEX)
                && !hasRegex
                && values.find(METRICS).isPresent()) {
            values.refuse(
                    "evaluate.metrics has regex, and evaluate.regex is missing",
                    "write the pattern as evaluate.regex",
                    METRICS);
        }
        values.findSome(KEEP_BEST)
                .filter(best -> !metrics.contains(best) && !(best == EvaluationMetric.REGEX && hasRegex))
                .ifPresent(best -> values.refuse(
                        "evaluate.keep_best is %s, which evaluate.metrics does not have".formatted(best),
                        "add %s to evaluate.metrics".formatted(best),
                        KEEP_BEST));
        if (values.findSome(PATIENCE).isPresent() && values.findSome(KEEP_BEST).isEmpty()) {
            values.refuse(
                    "evaluate.early_stopping_patience needs a score, and evaluate.keep_best names none",
                    "write keep_best: %s"
                            .formatted(metrics.isEmpty() ? EvaluationMetric.EXACT_MATCH : metrics.getFirst()),
                    PATIENCE);
        }
        if (values.findSome(PATIENCE).isEmpty()) {
            values.refuseWithoutEffect(THRESHOLD, "without evaluate.early_stopping_patience");
        }
        if (values.findSome(PATIENCE).isPresent()
                && values.findSome(EVERY_STEPS).isEmpty()) {
            values.refuse(
                    "evaluate.early_stopping_patience has no effect without evaluate.every_steps",
                    "write evaluate.every_steps, the steps between two evaluations",
                    PATIENCE);
        }
    }
}
