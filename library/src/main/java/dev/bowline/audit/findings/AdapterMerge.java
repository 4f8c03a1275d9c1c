package dev.bowline.audit.findings;

import java.nio.file.Path;
import java.util.List;

/// The effect of an adapter: of a merge on the tie, and in each program that loads the files.
///
/// @param adapter the PEFT directory
/// @param effect of a merge on the tie, in one clause
/// @param readers in the order of [AdapterReader]; empty for an adapter without tensors
public record AdapterMerge(Path adapter, String effect, List<AdapterView> readers) {

    public AdapterMerge {
        readers = List.copyOf(readers);
    }
}
