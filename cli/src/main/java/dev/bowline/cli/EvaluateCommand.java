package dev.bowline.cli;

import dev.bowline.adapter.Adapters;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.data.Dataset;
import dev.bowline.data.DatasetReader;
import dev.bowline.data.DatasetSettings;
import dev.bowline.data.DatasetSplit;
import dev.bowline.data.ExampleFormat;
import dev.bowline.data.Truncation;
import dev.bowline.evaluate.AnswerScores;
import dev.bowline.evaluate.Evaluation;
import dev.bowline.evaluate.EvaluationMetric;
import dev.bowline.evaluate.EvaluationResult;
import dev.bowline.evaluate.EvaluationRow;
import dev.bowline.evaluate.EvaluationRows;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.Sampling;
import dev.bowline.model.LanguageModel;
import dev.bowline.report.EvaluationJson;
import dev.bowline.report.EvaluationText;
import dev.bowline.tensor.CudaSupport;
import dev.bowline.tensor.DeviceChoice;
import dev.bowline.tensor.Dtype;
import dev.bowline.text.AssistantMask;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

@CommandLine.Command(
        name = "evaluate",
        description = {
            "Lets a model answer held-out rows, and scores the answers.",
            "Answers greedily. The last answer of each row is the expected one. With --base, the base model answers the"
                    + " same rows; with --adapter, the model answers without and with each adapter."
        },
        footer = {
            "  bowline evaluate runs/step_100 --data heldout.jsonl --base models/gemma",
            "  bowline evaluate models/gemma --data test.jsonl --adapter runs/lora/step_50",
            "  bowline evaluate runs/step_100 --data calls.jsonl --metrics tool_call"
        })
final class EvaluateCommand extends Command {

    @Parameters(paramLabel = "DIR", description = "A Hugging Face checkpoint directory, or an adapter.")
    private Path directory = Path.of("");

    @Option(
            names = "--data",
            paramLabel = "FILE",
            required = true,
            description = "Conversations, questions with answers, or prompts with completions, as in a recipe.")
    private Path data = Path.of("");

    @Option(names = "--split", paramLabel = "SPLIT", description = "Part of the data, such as test or test[:100].")
    private @Nullable String split;

    @ArgGroup(exclusive = false)
    private @Nullable Columns columns;

    /// The fields of rows that are no conversations.
    static final class Columns {
        @Option(names = "--question", paramLabel = "FIELD", required = true, description = "The field to ask.")
        private String question = "";

        @Option(names = "--answer", paramLabel = "FIELD", required = true, description = "The field to expect.")
        private String answer = "";
    }

    @Option(names = "--limit", paramLabel = "N", description = "Answer the first N rows only.")
    private int limit = Integer.MAX_VALUE;

    @Option(names = "--base", paramLabel = "DIR", description = "A model to compare with, such as the base model.")
    private @Nullable Path base;

    @Mixin
    private AdapterOptions adapters = new AdapterOptions();

    @Option(
            names = "--metrics",
            paramLabel = "METRIC",
            split = ",",
            description = "Scores: exact_match, contains, json_valid, json_fields, tool_call, stop_rate, perplexity."
                    + " Default: exact_match, contains, perplexity.")
    private List<EvaluationMetric> metrics =
            List.of(EvaluationMetric.EXACT_MATCH, EvaluationMetric.CONTAINS, EvaluationMetric.PERPLEXITY);

    @Option(
            names = "--regex",
            paramLabel = "PATTERN",
            converter = PatternOption.class,
            description = "Also score whether this regular expression occurs in an answer.")
    private @Nullable Pattern regex;

    @Option(names = "--max-new-tokens", paramLabel = "N", description = "The longest answer in tokens; 256 by default.")
    private int maxNewTokens = GenerationSettings.DEFAULT_MAX_NEW_TOKENS;

    @Option(names = "--samples", paramLabel = "N", description = "Show the answers to the first N rows; 3 by default.")
    private int samples = 3;

    @Option(
            names = "--dtype",
            paramLabel = "DTYPE",
            converter = DtypeOption.class,
            description = "Dtype of the computation: float32 or bfloat16. Default: the dtype of the checkpoint.")
    private @Nullable Dtype dtype;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            converter = DeviceOption.class,
            description = DeviceOption.DESCRIPTION + " Default: auto.")
    private DeviceChoice device = new DeviceChoice.Auto();

    @Option(names = "--json", description = "Print JSON with every answer.")
    private boolean json;

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() {
        requireAtLeast("--limit", limit, 1);
        requireAtLeast("--max-new-tokens", maxNewTokens, 1);
        requireAtLeast("--samples", samples, 0);
        AdapterOptions.Chosen chosen = adapters.of(directory, console());
        SequencedMap<String, EvaluationResult> results = new LinkedHashMap<>();
        evaluate(chosen, results);
        if (base != null) {
            evaluate(new AdapterOptions.Chosen(base, List.of()), results);
        }
        if (json) {
            console().print(new EvaluationJson().json(results));
        } else {
            console().print(new EvaluationText(samples).text(results));
        }
        return ExitCode.SUCCESS;
    }

    private void requireAtLeast(String option, int value, int least) {
        if (value < least) {
            throw new CommandLine.ParameterException(
                    Objects.requireNonNull(spec).commandLine(),
                    "%s %d: expected a number from %d".formatted(option, value, least));
        }
    }

    private void evaluate(AdapterOptions.Chosen chosen, SequencedMap<String, EvaluationResult> results) {
        Checkpoint.requireModel(chosen.base());
        AutoModel.Options stored = AutoModel.Options.forInference();
        AutoModel.Options options = Optional.ofNullable(dtype)
                .map(stored::in)
                .orElse(stored)
                .on(device.resolve(CudaSupport.ofThisProcess()));
        try (Tokenizer tokenizer = Tokenizer.open(chosen.base());
                Pretrained pretrained = AutoModel.fromPretrained(chosen.base(), options)) {
            LanguageModel model = pretrained.model();
            // An adapter with new tokens adds their rows.
            chosen.attach(pretrained);
            List<EvaluationRow> rows = EvaluationRows.of(dataset(tokenizer, model), limit, data.toString());
            GenerationSettings settings = GenerationSettings.of(
                            model.config(), pretrained.checkpoint().generationConfig())
                    .withSampling(new Sampling.Greedy())
                    .withMaxNewTokens(maxNewTokens);
            Evaluation evaluation = new Evaluation(model, tokenizer, settings, scores());
            // The adapter attached last is in use.
            Adapters.of(model).useNone();
            put(results, chosen.base().toString(), evaluation, rows);
            for (NamedAdapter adapter : chosen.adapters()) {
                Adapters.of(model).use(adapter.name());
                put(results, adapter.name(), evaluation, rows);
            }
        }
    }

    private void put(
            SequencedMap<String, EvaluationResult> results,
            String name,
            Evaluation evaluation,
            List<EvaluationRow> rows) {
        String label = results.containsKey(name) ? name + " (2)" : name;
        try (ProgressLine line = new ProgressLine(console())) {
            line.show(new ProgressLine.Answering(label, 0, rows.size()));
            results.put(
                    label,
                    evaluation.run(
                            rows,
                            () -> false,
                            (_, number, of) -> line.show(new ProgressLine.Answering(label, number, of))));
            line.clear();
        }
    }

    private AnswerScores scores() {
        Set<EvaluationMetric> all = new LinkedHashSet<>(metrics);
        if (regex != null) {
            all.add(EvaluationMetric.REGEX);
        } else if (all.contains(EvaluationMetric.REGEX)) {
            throw new CommandLine.ParameterException(
                    Objects.requireNonNull(spec).commandLine(), "--metrics regex needs --regex PATTERN");
        }
        return new AnswerScores(all, Optional.ofNullable(regex));
    }

    private Dataset dataset(Tokenizer tokenizer, LanguageModel model) {
        DatasetSettings settings = new DatasetSettings(
                data,
                split == null ? DatasetSplit.preferring("test", "validation", "train") : DatasetSplit.of(split),
                columns == null
                        ? new ExampleFormat.Auto()
                        : new ExampleFormat.Columns(Optional.empty(), columns.question, columns.answer),
                Math.toIntExact(Math.min(model.maxPositions(), Integer.MAX_VALUE)),
                Truncation.SKIP,
                OptionalInt.empty(),
                DatasetSettings.TrainedText.ASSISTANT,
                AssistantMask.Answers.LAST);
        Optional<ChatTemplate> template = ChatTemplate.find(tokenizer);
        return template.isPresent()
                ? DatasetReader.read(settings, template.get(), tokenizer)
                : DatasetReader.read(settings, tokenizer);
    }

    /// A regular expression of Java.
    static final class PatternOption implements ITypeConverter<Pattern> {

        @Override
        public Pattern convert(String value) {
            try {
                return Pattern.compile(value);
            } catch (PatternSyntaxException e) {
                throw new TypeConversionException(
                        "'%s' is no regular expression: %s".formatted(value, e.getDescription()));
            }
        }
    }
}
