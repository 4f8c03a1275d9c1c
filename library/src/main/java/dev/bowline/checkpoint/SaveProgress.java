package dev.bowline.checkpoint;

/// Told how far a save is, on the thread that saves.
@FunctionalInterface
public interface SaveProgress {

    /// Called at the start, with no bytes written, and about every 64 MiB until all are.
    ///
    /// @param written bytes of tensors
    /// @param of all of them
    void written(long written, long of);

    static SaveProgress silent() {
        return (_, _) -> {};
    }
}
