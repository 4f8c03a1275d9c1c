package dev.bowline.data;

import dev.bowline.Fix;
import dev.bowline.text.UnrenderedText;
import java.util.List;

/// One row of a dataset, read as a run reads it, but without an end at the first row that a run refuses.
public sealed interface ExaminedRow {

    /// The place of the row, `file:line`; for a file that cannot be read, the file.
    String origin();

    /// A row that a run takes.
    ///
    /// @param examples the examples made of the row, at least one
    /// @param ends the end-of-turn token of each trained answer, as in [dev.bowline.text.AssistantMask.Masked]
    /// @param unwritten the text of trained answers that the chat template does not write
    /// @param unread the fields of the row that its format does not read
    record Read(
            String origin,
            List<FittedExample> examples,
            List<Integer> ends,
            List<UnrenderedText> unwritten,
            List<String> unread)
            implements ExaminedRow {

        public Read {
            examples = List.copyOf(examples);
            ends = List.copyOf(ends);
            unwritten = List.copyOf(unwritten);
            unread = List.copyOf(unread);
        }
    }

    /// A row without a token to train on. A run refuses it.
    record WithoutTarget(String origin) implements ExaminedRow {}

    /// A row that cannot be read. A run refuses it.
    record Refused(String origin, String problem, Fix fix) implements ExaminedRow {}
}
