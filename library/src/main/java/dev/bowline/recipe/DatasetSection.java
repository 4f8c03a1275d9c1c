package dev.bowline.recipe;

import dev.bowline.data.Truncation;
import java.nio.file.Path;
import java.util.Optional;

/// Where examples come from and which of their tokens are trained on.
///
/// @param path a file, or a directory with the files of one dataset, absolute
/// @param split which split of it, and perhaps which of its rows; empty for the usual one
/// @param columnMapping present exactly when `format` is `COLUMNS`
/// @param seqLength the longest example in tokens, at least 2
/// @param limit how many examples to use, from the first; empty for all
/// @param chatTemplate how conversations become text
/// @param answerOnlyLossMask whether only the assistant's tokens are trained on
/// @param maskHistory whether only the last answer of a conversation is trained on
/// @param shuffle whether each epoch has its own order
public record DatasetSection(
        Path path,
        Optional<String> split,
        DatasetFormat format,
        Optional<ColumnMapping> columnMapping,
        int seqLength,
        Truncation truncation,
        Optional<Integer> limit,
        ChatTemplateSection chatTemplate,
        boolean answerOnlyLossMask,
        boolean maskHistory,
        boolean shuffle) {

    public DatasetSection {
        Require.that(path.isAbsolute(), "path must be absolute, not %s", path);
        Require.that(
                columnMapping.isPresent() == (format == DatasetFormat.COLUMNS),
                "a column mapping belongs to the format COLUMNS, not to %s",
                format);
        Require.that(seqLength >= 2, "seqLength must be at least 2, not %d", seqLength);
        limit.ifPresent(examples -> Require.that(examples >= 1, "limit must be at least 1, not %d", examples));
        Require.that(answerOnlyLossMask || !maskHistory, "maskHistory needs answerOnlyLossMask");
    }

    /// The same with the first `examples` only.
    public DatasetSection first(int examples) {
        return new DatasetSection(
                path,
                split,
                format,
                columnMapping,
                seqLength,
                truncation,
                Optional.of(examples),
                chatTemplate,
                answerOnlyLossMask,
                maskHistory,
                shuffle);
    }
}
