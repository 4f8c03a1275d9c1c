package dev.bowline.recipe;

import java.nio.file.Path;

/// The training checkpoint that a run resumes from.
public sealed interface RestoreFrom {

    /// The newest whole one in the checkpoint directory.
    record Latest() implements RestoreFrom {}

    /// The newest whole one in the checkpoint directory, or a fresh start where there is none.
    record Auto() implements RestoreFrom {}

    /// This one.
    record Directory(Path path) implements RestoreFrom {

        public Directory {
            Require.that(path.isAbsolute(), "path must be absolute, not %s", path);
        }
    }
}
