package dev.bowline.safetensors;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// A checkpoint's weights, whole on the disk.
///
/// @param files the safetensors files in the order of their numbers
/// @param index of the shards; empty when one file holds everything
public record WrittenWeights(List<WrittenFile> files, Optional<ShardIndex> index) {

    public WrittenWeights {
        files = List.copyOf(files);
    }

    /// The safetensors files' lengths together.
    public long bytes() {
        return files.stream().mapToLong(WrittenFile::bytes).sum();
    }

    /// The [TensorHash] of every tensor it was asked for, in the order of the files.
    public SequencedMap<String, String> hashes() {
        SequencedMap<String, String> hashes = new LinkedHashMap<>();
        files.forEach(file -> hashes.putAll(file.hashes()));
        return hashes;
    }
}
