package dev.bowline.files;

import java.nio.file.Path;
import java.util.UUID;

/// Hidden names of files and directories that are not complete: `.<name>.<random id>.partial`.
public final class PartialName {

    /// The end of every such name. A path with this end is never a checkpoint.
    public static final String SUFFIX = ".partial";

    private PartialName() {}

    /// A new name in the directory of `target`.
    public static Path of(Path target) {
        return of(target, UUID.randomUUID().toString());
    }

    static Path of(Path target, String id) {
        return target.resolveSibling(".%s.%s%s".formatted(target.getFileName(), id, SUFFIX));
    }
}
