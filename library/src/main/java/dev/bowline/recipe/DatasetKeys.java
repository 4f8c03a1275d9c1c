package dev.bowline.recipe;

import dev.bowline.data.ExampleFormat;
import dev.bowline.data.Truncation;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.Key.Names;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/// The keys of `dataset` and of `validation_dataset`. Validation reads its examples as training does unless its
/// section says otherwise.
final class DatasetKeys {

    /// The longest example where nothing else bounds it.
    private static final int MOST_TOKENS = 2048;

    /// Empty for the format whose fields `column_mapping` names.
    private static final Map<String, Optional<ExampleFormat>> FORMATS = TextTypes.names(
            Map.entry("auto", Optional.of(new ExampleFormat.Auto())),
            Map.entry("messages", Optional.of(new ExampleFormat.Messages())),
            Map.entry("sharegpt", Optional.of(new ExampleFormat.ShareGpt())),
            Map.entry("columns", Optional.empty()),
            Map.entry("squad", Optional.of(new ExampleFormat.Squad())),
            Map.entry("hellaswag", Optional.of(new ExampleFormat.HellaSwag())),
            Map.entry("xlam", Optional.of(new ExampleFormat.XlamCalls())),
            Map.entry("prompt_completion", Optional.of(new ExampleFormat.PromptCompletion())),
            Map.entry("text", Optional.of(new ExampleFormat.Text())));

    private static final Optional<ExampleFormat> AUTO = Optional.of(new ExampleFormat.Auto());
    static final Optional<ExampleFormat> COLUMNS = Optional.empty();

    static final DatasetKeys TRAINING = new DatasetKeys("dataset", Optional.empty());
    static final DatasetKeys VALIDATION = new DatasetKeys("validation_dataset", Optional.of(TRAINING));

    final Section section;
    private final Optional<DatasetKeys> training;
    final Key<Path> path;
    final Key<Optional<String>> split;
    final Key<Optional<ExampleFormat>> format;
    final Key<Optional<String>> context;
    final Key<Optional<String>> question;
    final Key<Optional<String>> answer;
    final Key<Integer> seqLength;
    final Key<Truncation> truncation;
    final Key<Optional<Integer>> limit;
    final Key<Optional<ChatTemplateSection.Template>> chatTemplate;
    final Key<Boolean> useHfChatTemplate;
    final Key<JsonObject> chatTemplateKwargs;
    final Key<Optional<LocalDate>> chatTemplateDate;
    final Key<Boolean> injectThinkingPrefix;
    final Key<Boolean> addBosToken;
    final Key<Boolean> answerOnlyLossMask;
    final Key<Boolean> maskHistory;

    /// Empty for validation, which is never shuffled.
    final Optional<Key<Boolean>> shuffle;

    /// @param training the section that a validation section inherits from
    private DatasetKeys(String name, Optional<DatasetKeys> training) {
        this.section = new Section(name);
        this.training = training;
        KeyType<Optional<String>> column =
                TextTypes.name("the name of a field", "question").optional();
        String loader = name.replace("dataset", "dataloader");
        path = section.key(
                Names.of("path").alias("path_or_dataset_id"),
                PathTypes.fileOrDirectory(),
                Default.required(),
                "The examples: a file of JSON, JSON lines, Parquet or CSV, or a directory of such files.");
        split = section.key(
                "split",
                TextTypes.split().optional(),
                Default.of(Optional.empty(), training.isEmpty() ? "train, or the only one there is" : "validation"),
                "Split of a directory to read; a slice such as train[:1000] selects some of its rows.");
        format = section.key(
                "format",
                TextTypes.oneOf(FORMATS),
                Default.from(
                        this::usualFormat,
                        training.isEmpty()
                                ? "columns with a column_mapping, otherwise auto"
                                : "columns with a column_mapping of its own, otherwise as dataset"),
                "Format of one row; auto detects the format from the first row.");
        context = section.key(
                "column_mapping.context",
                column,
                usualColumn(keys -> keys.context),
                "Field with the text before the question.");
        question = section.key(
                "column_mapping.question", column, usualColumn(keys -> keys.question), "Field with the user's turn.");
        answer = section.key(
                "column_mapping.answer", column, usualColumn(keys -> keys.answer), "Field with the assistant's turn.");
        seqLength = section.key(
                Names.of("seq_length")
                        .autoModel(Stream.of(
                                        name + ".max_length",
                                        loader + ".collate_fn.max_length",
                                        training.isEmpty() ? "packed_sequence.max_length" : "")
                                .filter(text -> !text.isEmpty())
                                .toArray(String[]::new)),
                NumberTypes.integerFrom(2),
                asDataset(
                        keys -> keys.seqLength,
                        new Key.Derived<>(
                                values -> usualLength(values).tokens,
                                "packed_sequence_size when packing, otherwise %d; at most the model's positions"
                                        .formatted(MOST_TOKENS),
                                values -> usualLength(values).reason),
                        MOST_TOKENS),
                "Maximum length of an example, in tokens.");
        truncation = section.key(
                "truncation",
                TextTypes.oneOf(Truncation.values()),
                asDataset(keys -> keys.truncation, Truncation.ERROR, "no example is cut"),
                "Treatment of longer examples: stop, leave the example out, or cut its start or end.");
        limit = section.key(
                Names.of("limit_dataset_samples").alias("limit").autoModel(name + ".num_samples_limit"),
                NumberTypes.integerFrom(1).optional(),
                Default.of(Optional.empty(), "all examples"),
                "Number of examples to use, from the first.");
        chatTemplate = section.key(
                "chat_template",
                TemplateTypes.template().optional(),
                asDataset(
                        keys -> keys.chatTemplate,
                        Optional.empty(),
                        "the checkpoint's default, or its tool_use where there are tools"),
                "Name of another of the checkpoint's templates, or a Jinja file or Jinja text; a file has a dot"
                        + " or a slash in its path.");
        useHfChatTemplate = section.key(
                "use_hf_chat_template",
                TextTypes.trueOrFalse(),
                asDataset(keys -> keys.useHfChatTemplate, true, "the checkpoint's template, if it has one"),
                "Renders questions and answers with a chat template; false writes plain text with spaces"
                        + " between.");
        chatTemplateKwargs = section.key(
                "chat_template_kwargs",
                TemplateTypes.variables(),
                asDataset(keys -> keys.chatTemplateKwargs, JsonObject.of(), "the template's own defaults"),
                "Variables of the chat template, such as enable_thinking.");
        chatTemplateDate = section.key(
                "chat_template_date",
                TemplateTypes.date().optional(),
                asDataset(keys -> keys.chatTemplateDate, Optional.empty(), "the day the run began"),
                "Date for chat templates that write the date (strftime_now); a resumed run keeps it.");
        injectThinkingPrefix = section.key(
                "inject_thinking_prefix",
                TextTypes.trueOrFalse(),
                asDataset(keys -> keys.injectThinkingPrefix, false, "answers as the chat template renders them"),
                "Inserts Gemma 4's empty thought before every answer, without training on it.");
        addBosToken = section.key(
                "add_bos_token",
                TextTypes.trueOrFalse(),
                asDataset(keys -> keys.addBosToken, false, "the chat template or the tokenizer decides"),
                "Prepends the bos_token to examples that do not start with it.");
        answerOnlyLossMask = section.key(
                "answer_only_loss_mask",
                TextTypes.trueOrFalse(),
                asDataset(keys -> keys.answerOnlyLossMask, true, "only answers are trained on"),
                "Trains on the assistant's tokens only.");
        maskHistory = section.key(
                Names.of("mask_history").autoModel(name + ".train_on_last_turn_only"),
                TextTypes.trueOrFalse(),
                asDataset(keys -> keys.maskHistory, false, "every answer of a conversation is trained on"),
                "Trains on the last answer of a conversation only.");
        shuffle = training.isPresent()
                ? Optional.empty()
                : Optional.of(section.key(
                        Names.of("shuffle").autoModel("dataloader.shuffle"),
                        TextTypes.trueOrFalse(),
                        Default.of(true, "each epoch has its own order"),
                        "Shuffles the examples."));
    }

    private boolean givesMapping(RecipeValues values) {
        return Stream.of(context, question, answer).anyMatch(values::isGiven);
    }

    private Optional<ExampleFormat> usualFormat(RecipeValues values) {
        return givesMapping(values)
                ? COLUMNS
                : training.flatMap(keys -> values.find(keys.format)).orElse(AUTO);
    }

    private Default<Optional<String>> usualColumn(Function<DatasetKeys, Key<Optional<String>>> column) {
        return training.isEmpty()
                ? Default.of(Optional.empty(), "no such column")
                : Default.from(
                        values -> !givesMapping(values) && values.is(format, COLUMNS)
                                ? values.find(column.apply(training.get())).orElse(Optional.empty())
                                : Optional.empty(),
                        "as dataset, unless there is a column_mapping here");
    }

    private <T> Default<T> asDataset(Function<DatasetKeys, Key<T>> key, T usual, String reason) {
        return asDataset(key, Default.of(usual, reason), usual);
    }

    /// The default of `dataset`, or of `validation_dataset` the value in `dataset`.
    ///
    /// @param otherwise holds for validation where `dataset` has no valid value
    private <T> Default<T> asDataset(Function<DatasetKeys, Key<T>> key, Default<T> ofTraining, T otherwise) {
        return training.isEmpty()
                ? ofTraining
                : Default.from(values -> values.find(key.apply(training.get())).orElse(otherwise), "as dataset");
    }

    private record UsualLength(int tokens, String reason) {}

    /// The packed row or a fixed maximum, and at most the positions of the model.
    private static UsualLength usualLength(RecipeValues values) {
        UsualLength usual = values.find(PackedSequence.SIZE)
                .filter(size -> size > 0)
                .map(size -> new UsualLength(size, "packed_sequence_size"))
                .orElseGet(() -> new UsualLength(MOST_TOKENS, "no packing, and the model has no fewer positions"));
        return values.find(ModelSection.PRETRAINED)
                .flatMap(ModelSection::positions)
                .filter(positions -> positions >= 2 && positions < usual.tokens)
                .map(positions -> new UsualLength(
                        positions,
                        "the model has %d positions (%s in its config.json)"
                                .formatted(positions, ModelSection.POSITIONS)))
                .orElse(usual);
    }
}
