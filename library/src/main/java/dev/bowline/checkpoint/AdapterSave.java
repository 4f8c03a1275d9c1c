package dev.bowline.checkpoint;

import dev.bowline.files.AtomicDirectory;

/// The weights of a training checkpoint whose run trains an adapter: the adapter's own files. The base model is not
/// saved.
///
/// @param base the checkpoint that the base model was loaded from
/// @param bytes of the adapter's files
/// @param files writes the adapter's files into the directory of the training checkpoint
/// @param progress told how far the save is
public record AdapterSave(Checkpoint base, long bytes, AtomicDirectory.Content files, SaveProgress progress) {}
