package dev.bowline.data;

import dev.bowline.text.AssistantMask;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/// The examples to read, and the tokens to train on.
///
/// @param file a file, or a directory with the files of one dataset
/// @param split the part to read
/// @param layout the format of one example
/// @param longest the most tokens that an example may have
/// @param truncation the treatment of an example that has more tokens
/// @param limit the number of examples to read, from the first; empty for all
/// @param trainedText the text that is trained on
/// @param answers the assistant messages that are trained on
/// @param inserted the tokens to insert into every example, in this order
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

    /// Settings without inserted tokens.
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

    /// The tokens that are trained on.
    public enum TrainedText {
        ASSISTANT,
        EVERYTHING
    }
}
