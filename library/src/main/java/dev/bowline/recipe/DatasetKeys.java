package dev.bowline.recipe;

import dev.bowline.data.Truncation;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.Absent.Derived;
import dev.bowline.recipe.Absent.Fixed;
import dev.bowline.recipe.Absent.Required;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/// The keys of one dataset section. Validation reads its examples as training does unless it says otherwise.
record DatasetKeys(
        Key<Path> path,
        Key<Optional<String>> split,
        Key<DatasetFormat> format,
        Key<Optional<String>> context,
        Key<Optional<String>> question,
        Key<Optional<String>> answer,
        Key<Integer> seqLength,
        Key<Truncation> truncation,
        Key<Optional<Integer>> limit,
        Key<Optional<ChatTemplateChoice>> chatTemplate,
        Key<Boolean> useHfChatTemplate,
        Key<JsonObject> chatTemplateKwargs,
        Key<Optional<LocalDate>> chatTemplateDate,
        Key<Boolean> injectThinkingPrefix,
        Key<Boolean> addBosToken,
        Key<Boolean> answerOnlyLossMask,
        Key<Boolean> maskHistory) {

    private static final Kind<DatasetFormat> FORMAT = TextKinds.oneOf(TextKinds.names(
            Map.entry("auto", DatasetFormat.AUTO),
            Map.entry("messages", DatasetFormat.MESSAGES),
            Map.entry("sharegpt", DatasetFormat.SHAREGPT),
            Map.entry("columns", DatasetFormat.COLUMNS),
            Map.entry("squad", DatasetFormat.SQUAD),
            Map.entry("hellaswag", DatasetFormat.HELLASWAG),
            Map.entry("xlam", DatasetFormat.XLAM),
            Map.entry("prompt_completion", DatasetFormat.PROMPT_COMPLETION),
            Map.entry("text", DatasetFormat.TEXT)));

    private static final Kind<Truncation> TRUNCATION = TextKinds.oneOf(Truncation.values());

    /// @param packedSize packing bounds the length of an example
    static DatasetKeys training(Key<Integer> packedSize) {
        return section(
                "dataset",
                "train, or the only one there is",
                new Derived<>(
                        settings ->
                                formatByMapping(settings, RecipeSchema.DATASET).orElse(DatasetFormat.AUTO),
                        "columns with a column_mapping, otherwise auto"),
                _ -> new Fixed<>(Optional.empty(), "no such column"),
                UsualLength.absent(packedSize),
                new Fixed<>(Truncation.ERROR, "nothing is cut unasked"),
                new Fixed<>(Optional.empty(), "the checkpoint's default, or its tool_use where there are tools"),
                new Fixed<>(true, "as the checkpoint is used, if it has a template"),
                new Fixed<>(JsonObject.of(), "as the template wants"),
                new Fixed<>(Optional.empty(), "the day the run began"),
                new Fixed<>(false, "as the chat template writes answers"),
                new Fixed<>(false, "as the chat template or the tokenizer does"),
                new Fixed<>(true, "only answers are trained on"),
                new Fixed<>(false, "every answer of a conversation is trained on"));
    }

    static DatasetKeys validation(DatasetKeys training) {
        return section(
                "validation_dataset",
                "validation",
                new Derived<>(
                        settings -> formatByMapping(settings, RecipeSchema.VALIDATION_DATASET)
                                .or(() -> settings.find(training.format))
                                .orElse(DatasetFormat.AUTO),
                        "columns with a column_mapping of its own, otherwise as dataset"),
                column -> new Derived<>(
                        settings -> inheritsMapping(settings)
                                ? settings.find(column.apply(training)).orElse(Optional.empty())
                                : Optional.empty(),
                        "as dataset, unless there is a column_mapping here"),
                same(training.seqLength, UsualLength.MOST),
                same(training.truncation, Truncation.ERROR),
                same(training.chatTemplate, Optional.empty()),
                same(training.useHfChatTemplate, true),
                same(training.chatTemplateKwargs, JsonObject.of()),
                same(training.chatTemplateDate, Optional.empty()),
                same(training.injectThinkingPrefix, false),
                same(training.addBosToken, false),
                same(training.answerOnlyLossMask, true),
                same(training.maskHistory, false));
    }

    private static DatasetKeys section(
            String name,
            String usualSplit,
            Absent<DatasetFormat> format,
            Function<Function<DatasetKeys, Key<Optional<String>>>, Absent<Optional<String>>> column,
            Absent<Integer> seqLength,
            Absent<Truncation> truncation,
            Absent<Optional<ChatTemplateChoice>> chatTemplate,
            Absent<Boolean> useHfChatTemplate,
            Absent<JsonObject> chatTemplateKwargs,
            Absent<Optional<LocalDate>> chatTemplateDate,
            Absent<Boolean> injectThinkingPrefix,
            Absent<Boolean> addBosToken,
            Absent<Boolean> answerOnly,
            Absent<Boolean> maskHistory) {
        Kind<Optional<String>> columnName =
                TextKinds.name("the name of a field", "question").optional();
        return new DatasetKeys(
                new Key<>(
                        name + ".path",
                        List.of("path_or_dataset_id"),
                        PathKinds.fileOrDirectory(),
                        new Required<>(),
                        "The examples: a file of JSON, JSON lines, Parquet or CSV, or a directory of such files."),
                new Key<>(
                        name + ".split",
                        SplitKinds.split().optional(),
                        new Fixed<>(Optional.empty(), usualSplit),
                        "Which split of a directory is read; a slice such as train[:1000] is some of its rows."),
                new Key<>(name + ".format", FORMAT, format, "How an example is written; auto looks at the first one."),
                new Key<>(
                        name + ".column_mapping.context",
                        columnName,
                        column.apply(DatasetKeys::context),
                        "The field that goes before the question."),
                new Key<>(
                        name + ".column_mapping.question",
                        columnName,
                        column.apply(DatasetKeys::question),
                        "The field that is the user's turn."),
                new Key<>(
                        name + ".column_mapping.answer",
                        columnName,
                        column.apply(DatasetKeys::answer),
                        "The field that is the assistant's turn."),
                new Key<>(
                        name + ".seq_length", NumberKinds.integerFrom(2), seqLength, "The longest example, in tokens."),
                new Key<>(
                        name + ".truncation",
                        TRUNCATION,
                        truncation,
                        "What becomes of a longer one: stop, leave it out, or cut its start or end."),
                new Key<>(
                        name + ".limit_dataset_samples",
                        List.of("limit"),
                        NumberKinds.integerFrom(1).optional(),
                        new Fixed<>(Optional.empty(), "all examples"),
                        "How many examples to use, from the first."),
                new Key<>(
                        name + ".chat_template",
                        TemplateKinds.template().optional(),
                        chatTemplate,
                        "Another of the checkpoint's templates, or a Jinja file or text in its place; a file has a dot"
                                + " or a slash in its path."),
                new Key<>(
                        name + ".use_hf_chat_template",
                        TextKinds.trueOrFalse(),
                        useHfChatTemplate,
                        "Whether a chat template writes questions and answers; without, they are plain text with spaces"
                                + " between."),
                new Key<>(
                        name + ".chat_template_kwargs",
                        TemplateKinds.variables(),
                        chatTemplateKwargs,
                        "Variables of the template's own, such as enable_thinking."),
                new Key<>(
                        name + ".chat_template_date",
                        TemplateKinds.date().optional(),
                        chatTemplateDate,
                        "The day that a template which writes the date is told (strftime_now); kept on resume."),
                new Key<>(
                        name + ".inject_thinking_prefix",
                        TextKinds.trueOrFalse(),
                        injectThinkingPrefix,
                        "Whether Gemma 4's empty thought goes before every answer; it is not trained on."),
                new Key<>(
                        name + ".add_bos_token",
                        TextKinds.trueOrFalse(),
                        addBosToken,
                        "Whether an example that does not begin with the bos_token gets one."),
                new Key<>(
                        name + ".answer_only_loss_mask",
                        TextKinds.trueOrFalse(),
                        answerOnly,
                        "Whether only the assistant's tokens are trained on."),
                new Key<>(
                        name + ".mask_history",
                        TextKinds.trueOrFalse(),
                        maskHistory,
                        "Whether only the last answer of a conversation is trained on."));
    }

    List<Key<?>> all() {
        return List.of(
                path,
                split,
                format,
                context,
                question,
                answer,
                seqLength,
                truncation,
                limit,
                chatTemplate,
                useHfChatTemplate,
                chatTemplateKwargs,
                chatTemplateDate,
                injectThinkingPrefix,
                addBosToken,
                answerOnlyLossMask,
                maskHistory);
    }

    List<Key<Optional<String>>> columns() {
        return List.of(context, question, answer);
    }

    boolean givesMapping(Settings settings) {
        return columns().stream().anyMatch(settings::isGiven);
    }

    private static Optional<DatasetFormat> formatByMapping(Settings settings, DatasetKeys keys) {
        return keys.givesMapping(settings) ? Optional.of(DatasetFormat.COLUMNS) : Optional.empty();
    }

    private static boolean inheritsMapping(Settings settings) {
        DatasetKeys own = RecipeSchema.VALIDATION_DATASET;
        return !own.givesMapping(settings)
                && settings.find(own.format)
                        .filter(DatasetFormat.COLUMNS::equals)
                        .isPresent();
    }

    private static <T> Absent<T> same(Key<T> training, T otherwise) {
        return new Derived<>(settings -> settings.find(training).orElse(otherwise), "as dataset");
    }
}
