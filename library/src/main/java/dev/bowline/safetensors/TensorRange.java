package dev.bowline.safetensors;

import java.nio.file.Path;

/// The place of a tensor's bytes.
///
/// @param start where they begin in the file
public record TensorRange(Path file, long start, TensorEntry entry) {

    public static TensorRange of(SafetensorsHeader header, TensorEntry entry) {
        return new TensorRange(header.path(), header.dataStart() + entry.begin(), entry);
    }
}
