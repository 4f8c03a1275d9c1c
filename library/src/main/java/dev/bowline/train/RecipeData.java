package dev.bowline.train;

import dev.bowline.data.Dataset;
import dev.bowline.data.DatasetReader;
import dev.bowline.data.DatasetSettings;
import dev.bowline.data.Layout;
import dev.bowline.data.Row;
import dev.bowline.recipe.ColumnMapping;
import dev.bowline.recipe.DatasetSection;
import dev.bowline.recipe.Truncation;
import dev.bowline.text.AssistantMask;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/// The rows that a recipe's dataset section describes.
///
/// @param rows one example each, or packed
/// @param dataset what was read
record RecipeData(List<Row> rows, Dataset dataset) {

    /// @param packedSize tokens in a packed row; 0 for no packing
    static RecipeData read(DatasetSection section, int packedSize, Tokenizer tokenizer) {
        ChatTemplate template = section.chatTemplate().isPresent()
                ? ChatTemplate.of(tokenizer, section.chatTemplate().get())
                : ChatTemplate.of(tokenizer);
        Dataset dataset = DatasetReader.read(settings(section, packedSize), template, tokenizer);
        List<Row> rows = packedSize > 0 ? Row.packed(dataset.examples(), packedSize) : Row.unpacked(dataset.examples());
        return new RecipeData(rows, dataset);
    }

    private static DatasetSettings settings(DatasetSection section, int packedSize) {
        int longest = packedSize > 0 ? Math.min(section.seqLength(), packedSize) : section.seqLength();
        return new DatasetSettings(
                section.path(),
                layout(section),
                longest,
                tooLong(section.truncation()),
                section.limit().map(OptionalInt::of).orElse(OptionalInt.empty()),
                section.answerOnlyLossMask()
                        ? DatasetSettings.TrainedText.ASSISTANT
                        : DatasetSettings.TrainedText.EVERYTHING,
                section.maskHistory() ? AssistantMask.Answers.LAST : AssistantMask.Answers.ALL);
    }

    private static Layout layout(DatasetSection section) {
        return switch (section.format()) {
            case AUTO -> new Layout.Auto();
            case MESSAGES -> new Layout.Messages();
            case SHAREGPT -> new Layout.ShareGpt();
            case COLUMNS -> {
                ColumnMapping columns = section.columnMapping().orElseThrow();
                yield new Layout.Columns(columns.context(), columns.question(), columns.answer());
            }
        };
    }

    private static DatasetSettings.TooLong tooLong(Truncation truncation) {
        return switch (truncation) {
            case ERROR -> DatasetSettings.TooLong.ERROR;
            case SKIP -> DatasetSettings.TooLong.SKIP;
            case CUT_START -> DatasetSettings.TooLong.CUT_START;
            case CUT_END -> DatasetSettings.TooLong.CUT_END;
        };
    }

    /// What of the dataset is not as it stood in the file, a sentence each.
    List<String> notes(String name) {
        List<String> notes = new ArrayList<>();
        if (dataset.cut() > 0) {
            notes.add("%s: %d of %d examples were cut to length".formatted(name, dataset.cut(), dataset.rows()));
        }
        if (!dataset.skipped().isEmpty()) {
            Dataset.Skipped first = dataset.skipped().getFirst();
            notes.add("%s: %d of %d examples were left out, the first at %s: %s"
                    .formatted(name, dataset.skipped().size(), dataset.rows(), first.origin(), first.reason()));
        }
        return notes;
    }
}
