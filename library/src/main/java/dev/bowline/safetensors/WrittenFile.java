package dev.bowline.safetensors;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/// A file that is whole on the disk.
///
/// @param bytes its length
/// @param hashes the [TensorHash] of every tensor it was asked for, taken of the file as it reads back
public record WrittenFile(Path path, long bytes, SequencedMap<String, String> hashes) {

    public WrittenFile {
        hashes = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(hashes));
    }
}
