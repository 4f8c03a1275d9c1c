package dev.bowline.adapter.export;

import java.nio.file.Path;
import java.util.List;

/// The result of an export.
///
/// @param directory that was written
/// @param tensorsIn tensors of the adapter
/// @param tensorsLeftOut of these, the copies of the base's own tables, which the program has already
/// @param tensorsOut tensors written
/// @param maxRank the largest rank that was written
/// @param notes requirements and limits of the program, one sentence each
public record ExportReport(
        ExportTarget target,
        Path directory,
        int tensorsIn,
        int tensorsLeftOut,
        int tensorsOut,
        int maxRank,
        List<String> notes) {

    public ExportReport {
        notes = List.copyOf(notes);
    }
}
