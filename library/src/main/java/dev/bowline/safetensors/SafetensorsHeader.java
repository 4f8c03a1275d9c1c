package dev.bowline.safetensors;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/// The header of a file, checked against the length of the file: the tensors' bytes follow each other without gap
/// or overlap from the end of the header to the end of the file.
///
/// @param entries in the order of their bytes
/// @param metadata the `__metadata__` strings, in the file's order
/// @param dataStart where the header ends and the tensors' bytes begin
/// @param dataBytes how many bytes the tensors have in all
public record SafetensorsHeader(
        Path path,
        SequencedMap<String, TensorEntry> entries,
        SequencedMap<String, String> metadata,
        long dataStart,
        long dataBytes) {

    public SafetensorsHeader {
        entries = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(entries));
        metadata = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(metadata));
    }

    /// The length of the whole file in bytes.
    public long fileBytes() {
        return dataStart + dataBytes;
    }
}
