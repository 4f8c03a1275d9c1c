package dev.bowline.data;

import dev.bowline.text.AssistantMask;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/// The examples to read, and the tokens to train on.
///
/// @param file a file, or a directory with the files of one dataset
/// @param split which part of it
/// @param layout the format of one example
/// @param longest tokens an example may have
/// @param truncation the treatment of one that has more
/// @param limit the number of examples to read, from the first; empty for all
/// @param trainedText which text is trained on
/// @param answers which of the assistant's messages are trained on
/// @param inserted tokens that are put into every example, in this order
public record DatasetSettings(
        Path file,
        DatasetSplit split,
        ExampleFormat layout,
        int longest,
        Truncation truncation,
        OptionalInt limit,
        TrainedText trainedText,
        AssistantMask.Answers answers,
        List<InsertedTokens> inserted) {

    public DatasetSettings {
        inserted = List.copyOf(inserted);
    }

    /// Without tokens inserted.
    public DatasetSettings(
            Path file,
            DatasetSplit split,
            ExampleFormat layout,
            int longest,
            Truncation truncation,
            OptionalInt limit,
            TrainedText trainedText,
            AssistantMask.Answers answers) {
        this(file, split, layout, longest, truncation, limit, trainedText, answers, List.of());
    }

    /// The tokens that are predicted.
    public enum TrainedText {
        ASSISTANT,
        EVERYTHING
    }
}
