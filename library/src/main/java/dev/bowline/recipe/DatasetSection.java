package dev.bowline.recipe;

import dev.bowline.data.ExampleFormat;
import dev.bowline.data.Truncation;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.RecipeValues.Conflict;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// The source of the examples and the tokens that are trained on. [DatasetKeys] declares the keys.
///
/// @param path a file, or a directory with the files of one dataset, absolute
/// @param split a split, or a slice of it; empty for the usual split
/// @param format of one example in the file
/// @param seqLength the longest example in tokens, at least 2
/// @param limit the number of examples to use, from the first; empty for all
/// @param chatTemplate the rendering of conversations as text
/// @param answerOnlyLossMask true trains on the assistant's tokens only
/// @param maskHistory true trains on the last answer of a conversation only
/// @param shuffle true gives each epoch its own order
public record DatasetSection(
        Path path,
        Optional<String> split,
        ExampleFormat format,
        int seqLength,
        Truncation truncation,
        Optional<Integer> limit,
        ChatTemplateSection chatTemplate,
        boolean answerOnlyLossMask,
        boolean maskHistory,
        boolean shuffle) {

    /// Variables of every chat template, which no option may set.
    private static final List<String> CONVERSATIONS_OWN = List.of("messages", "tools", "add_generation_prompt");

    /// Formats of a question and an answer, which plain text can hold.
    private static final Set<Optional<ExampleFormat>> PLAIN = Set.of(
            DatasetKeys.COLUMNS, Optional.of(new ExampleFormat.Squad()), Optional.of(new ExampleFormat.HellaSwag()));

    public DatasetSection {
        PathTypes.requireAbsolute("path", path);
        DatasetKeys.TRAINING.seqLength.require(seqLength);
        DatasetKeys.TRAINING.limit.require(limit);
        Conflict.refuse(contradictoryMasks("dataset", answerOnlyLossMask, maskHistory));
    }

    /// The same with the first `examples` only.
    public DatasetSection first(int examples) {
        return new DatasetSection(
                path,
                split,
                format,
                seqLength,
                truncation,
                Optional.of(examples),
                chatTemplate,
                answerOnlyLossMask,
                maskHistory,
                shuffle);
    }

    /// All examples of another file, read in the same way.
    ///
    /// @param other absolute
    public DatasetSection of(Path other, Optional<String> otherSplit) {
        return new DatasetSection(
                other,
                otherSplit,
                format,
                seqLength,
                truncation,
                Optional.empty(),
                chatTemplate,
                answerOnlyLossMask,
                maskHistory,
                false);
    }

    /// @param keys of `dataset` or of `validation_dataset`
    static DatasetSection of(DatasetKeys keys, RecipeValues values) {
        Optional<ChatTemplateSection.Template> template = values.use(keys.chatTemplate);
        boolean isPlain = !values.use(keys.useHfChatTemplate);
        return new DatasetSection(
                values.use(keys.path),
                values.use(keys.split),
                format(keys, values, isPlain),
                values.use(keys.seqLength),
                values.use(keys.truncation),
                values.use(keys.limit),
                new ChatTemplateSection(
                        isPlain ? Optional.of(new ChatTemplateSection.Template.None()) : template,
                        values.use(keys.chatTemplateKwargs),
                        values.use(keys.chatTemplateDate),
                        values.use(keys.injectThinkingPrefix),
                        values.use(keys.addBosToken)),
                values.use(keys.answerOnlyLossMask),
                values.use(keys.maskHistory),
                keys.shuffle.map(values::use).orElse(false));
    }

    private static ExampleFormat format(DatasetKeys keys, RecipeValues values, boolean isPlain) {
        Optional<String> context = values.use(keys.context);
        Optional<String> question = values.use(keys.question);
        Optional<String> answer = values.use(keys.answer);
        return values.use(keys.format).orElseGet(() -> {
            ExampleFormat.Columns columns =
                    new ExampleFormat.Columns(context, question.orElseThrow(), answer.orElseThrow());
            return isPlain ? new ExampleFormat.SpacedColumns(columns) : columns;
        });
    }

    static void check(DatasetKeys keys, RecipeValues values) {
        checkColumns(keys, values);
        checkTemplate(keys, values);
        values.refuse(
                contradictoryMasks(
                        keys.section.path(),
                        values.find(keys.answerOnlyLossMask).orElse(true),
                        values.find(keys.maskHistory).orElse(false)),
                keys.maskHistory,
                keys.answerOnlyLossMask);
    }

    private static void checkColumns(DatasetKeys keys, RecipeValues values) {
        Optional<Optional<ExampleFormat>> format = values.find(keys.format);
        boolean isColumns = values.is(keys.format, DatasetKeys.COLUMNS);
        boolean isMapped = Stream.of(keys.context, keys.question, keys.answer)
                .anyMatch(column -> values.findSome(column).isPresent());
        if (format.isPresent() && !isColumns && isMapped) {
            values.refuse(
                    "%s.column_mapping has no effect with format: %s"
                            .formatted(
                                    keys.section.path(),
                                    values.yaml(keys.format).orElseThrow()),
                    "write format: columns, or remove column_mapping",
                    keys.format,
                    keys.question,
                    keys.answer);
        }
        for (Key<Optional<String>> column : List.of(keys.question, keys.answer)) {
            if (isColumns && values.is(column, Optional.empty())) {
                values.refuse(
                        "%s is missing: format columns needs question and answer".formatted(column.path()),
                        "name the field of the file that is the " + column.name(),
                        column,
                        keys.question,
                        keys.answer,
                        keys.context,
                        keys.format);
            }
        }
        Optional<String> question = values.findSome(keys.question);
        if (question.isPresent() && question.equals(values.findSome(keys.answer))) {
            values.refuse(
                    "%s.column_mapping: question and answer are both '%s'"
                            .formatted(keys.section.path(), question.get()),
                    "name two fields",
                    keys.answer,
                    keys.question);
        }
    }

    private static void checkTemplate(DatasetKeys keys, RecipeValues values) {
        if (values.is(keys.useHfChatTemplate, false)) {
            values.refuseWithoutEffect(keys.chatTemplate, Optional::isPresent, "with use_hf_chat_template: false");
            if (values.find(keys.format)
                    .filter(format -> !PLAIN.contains(format))
                    .isPresent()) {
                values.refuse(
                        "%s: false is for the formats columns, squad and hellaswag, not for %s"
                                .formatted(
                                        keys.useHfChatTemplate.path(),
                                        values.yaml(keys.format).orElseThrow()),
                        "write true; conversations need a chat template",
                        keys.useHfChatTemplate,
                        keys.format);
            }
        }
        Optional<JsonObject> variables = values.find(keys.chatTemplateKwargs);
        for (String name : CONVERSATIONS_OWN) {
            if (values.isGiven(keys.chatTemplateKwargs)
                    && variables.filter(object -> object.has(name)).isPresent()) {
                values.refuse(
                        "%s: '%s' is not an option of a chat template: the conversation decides it"
                                .formatted(keys.chatTemplateKwargs.path(), name),
                        "remove " + name,
                        keys.chatTemplateKwargs);
            }
        }
    }

    private static Optional<Conflict> contradictoryMasks(String section, boolean answerOnly, boolean maskHistory) {
        return maskHistory && !answerOnly
                ? Optional.of(new Conflict(
                        "%s: mask_history: true contradicts answer_only_loss_mask: false".formatted(section),
                        "remove one of the two"))
                : Optional.empty();
    }
}
