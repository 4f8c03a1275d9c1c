package dev.bowline.train;

import dev.bowline.data.Dataset;
import dev.bowline.data.DatasetReader;
import dev.bowline.data.DatasetSettings;
import dev.bowline.data.DatasetSplit;
import dev.bowline.data.DividedConversations;
import dev.bowline.data.ExaminedRow;
import dev.bowline.data.InsertedTokens;
import dev.bowline.data.MissingColumnException;
import dev.bowline.data.PackedRow;
import dev.bowline.recipe.ChatTemplateSection;
import dev.bowline.recipe.DatasetSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.text.AssistantMask;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;

/// The rows that a recipe's dataset section describes.
///
/// @param rows the rows, with one example each or packed
/// @param dataset the examples that were read
/// @param template the chat template, if the checkpoint or the recipe has one
record RecipeData(List<PackedRow> rows, Dataset dataset, Optional<ChatTemplate> template) {

    /// Examples that a program made. They are already tokens, so they need no template.
    static RecipeData of(Recipe recipe, Dataset dataset) {
        int packedSize = recipe.packedSequence().packedSequenceSize();
        List<PackedRow> rows = packedSize > 0
                ? PackedRow.packed(dataset.examples(), packedSize)
                : PackedRow.unpacked(dataset.examples());
        return new RecipeData(rows, dataset, Optional.empty());
    }

    /// @param name the section in `file`
    /// @param today the current date for the template, if the recipe names none
    static RecipeData read(RecipeFile file, String name, DatasetSection section, Tokenizer tokenizer, LocalDate today) {
        int packedSize = file.recipe().packedSequence().packedSequenceSize();
        try {
            return read(name, section, packedSize, tokenizer, today);
        } catch (MissingColumnException e) {
            throw file.wrong("%s.column_mapping.%s".formatted(name, e.role()), e.problem(), e.fix());
        }
    }

    /// Examines every row of a section as [#read] reads it.
    ///
    /// @param use receives each row, and a row that a run refuses too
    static void examine(
            RecipeFile file, String name, DatasetSection section, Tokenizer tokenizer, Consumer<ExaminedRow> use) {
        int packedSize = file.recipe().packedSequence().packedSequenceSize();
        DatasetReader.examine(
                settings(name, section, packedSize, tokenizer),
                datedTemplate(name, section, tokenizer, LocalDate.now()),
                tokenizer,
                use);
    }

    private static Optional<ChatTemplate> datedTemplate(
            String name, DatasetSection section, Tokenizer tokenizer, LocalDate today) {
        return template(name, section.chatTemplate(), tokenizer)
                .map(found -> found.with(section.chatTemplate().kwargs())
                        .on(section.chatTemplate().date().orElse(today)));
    }

    private static RecipeData read(
            String name, DatasetSection section, int packedSize, Tokenizer tokenizer, LocalDate today) {
        Optional<ChatTemplate> template = datedTemplate(name, section, tokenizer, today);
        DatasetSettings settings = settings(name, section, packedSize, tokenizer);
        Dataset dataset = template.isPresent()
                ? DatasetReader.read(settings, template.get(), tokenizer)
                : DatasetReader.read(settings, tokenizer);
        List<PackedRow> rows = packedSize > 0
                ? PackedRow.packed(dataset.examples(), packedSize)
                : PackedRow.unpacked(dataset.examples());
        return new RecipeData(rows, dataset, template);
    }

    private static Optional<ChatTemplate> template(
            String sectionName, ChatTemplateSection section, Tokenizer tokenizer) {
        if (section.template().isEmpty()) {
            return ChatTemplate.find(tokenizer);
        }
        return switch (section.template().get()) {
            case ChatTemplateSection.Template.None() -> Optional.empty();
            case ChatTemplateSection.Template.Named(String name) -> Optional.of(ChatTemplate.named(tokenizer, name));
            case ChatTemplateSection.Template.InFile(Path path) -> Optional.of(ChatTemplate.of(tokenizer, path));
            case ChatTemplateSection.Template.Inline(String text) ->
                Optional.of(ChatTemplate.inline(tokenizer, sectionName + ".chat_template", text));
        };
    }

    private static DatasetSettings settings(String name, DatasetSection section, int packedSize, Tokenizer tokenizer) {
        int longest = packedSize > 0 ? Math.min(section.seqLength(), packedSize) : section.seqLength();
        return new DatasetSettings(
                section.path(),
                section.split()
                        .map(DatasetSplit::of)
                        .orElseGet(() -> DatasetSplit.preferring(name.equals("dataset") ? "train" : "validation")),
                section.format(),
                longest,
                section.truncation(),
                section.limit().map(OptionalInt::of).orElse(OptionalInt.empty()),
                section.answerOnlyLossMask()
                        ? DatasetSettings.TrainedText.ASSISTANT
                        : DatasetSettings.TrainedText.EVERYTHING,
                section.maskHistory() ? AssistantMask.Answers.LAST : AssistantMask.Answers.ALL,
                inserted(section.chatTemplate(), tokenizer));
    }

    private static List<InsertedTokens> inserted(ChatTemplateSection section, Tokenizer tokenizer) {
        List<InsertedTokens> inserted = new ArrayList<>();
        if (section.injectThinkingPrefix()) {
            inserted.add(InsertedTokens.emptyThought(tokenizer));
        }
        if (section.addBosToken()) {
            inserted.add(InsertedTokens.bos(tokenizer));
        }
        return inserted;
    }

    /// Refuses an example with a token that has no row in the model's embedding. The error names the line of the
    /// example.
    ///
    /// @param vocabulary the number of rows of the embedding
    RecipeData requireRows(Tokenizer tokenizer, int vocabulary) {
        dataset.examples().forEach(example -> tokenizer.requireRows(example.ids(), vocabulary, example.origin()));
        return this;
    }

    /// One sentence for each change to the dataset and each defect of the dataset.
    ///
    /// @param name the section of the recipe
    List<String> notes(String name, Tokenizer tokenizer) {
        List<String> notes = new ArrayList<>(new TemplateNotes(name, tokenizer).of(template, dataset));
        if (dataset.plain() > 0) {
            notes.add("%s: %d of %d rows are trained as text that ends with '%s', without a chat template%s"
                    .formatted(
                            name,
                            dataset.plain(),
                            dataset.rows(),
                            tokenizer.specialToken("eos_token").orElse(""),
                            template.isEmpty() ? ", as none is used" : ""));
        }
        DividedConversations divided = dataset.divided();
        divided.first()
                .ifPresent(first -> notes.add(
                        ("%s: the chat template writes earlier turns differently once more turns follow, so %d of %d"
                                        + " conversations became %d examples, each with the turns up to the answers it"
                                        + " trains (first at %s); %s.mask_history: true trains the last answer only")
                                .formatted(
                                        name,
                                        divided.conversations(),
                                        dataset.rows(),
                                        divided.examples(),
                                        first,
                                        name)));
        if (dataset.cut() > 0) {
            notes.add("%s: %d of %d examples were cut to length".formatted(name, dataset.cut(), dataset.made()));
        }
        if (!dataset.skipped().isEmpty()) {
            Dataset.Skipped first = dataset.skipped().getFirst();
            notes.add("%s: %d of %d examples were left out, the first at %s: %s"
                    .formatted(name, dataset.skipped().size(), dataset.made(), first.origin(), first.reason()));
        }
        return notes;
    }
}
