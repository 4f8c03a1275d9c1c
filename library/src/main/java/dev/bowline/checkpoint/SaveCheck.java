package dev.bowline.checkpoint;

import java.io.IOException;
import java.nio.file.Path;

/// A check of a saved checkpoint before its directory gets its name.
@FunctionalInterface
public interface SaveCheck {

    /// @param directory with all files of the checkpoint, read back
    /// @throws dev.bowline.BowlineException to leave no checkpoint
    void accept(Path directory) throws IOException;
}
