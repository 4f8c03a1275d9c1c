package dev.bowline.audit.evidence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// The names a repair uses beside the checkpoint, and what is under them after a repair that did not end.
///
/// @param place where the checkpoint is
/// @param aside the result before it takes its place; after an exchange, the original until it is removed
/// @param original where there is no exchange: the original, from the first of two renames until it is removed
public record RepairPaths(Path place, Path aside, Path original) {

    private static final String ASIDE = ".bowline-repair";
    private static final String ORIGINAL = ".bowline-original";

    /// @param path a checkpoint directory, which need not be there
    public static RepairPaths at(Path path) {
        Path place = real(path);
        String name = String.valueOf(place.getFileName());
        return new RepairPaths(
                place, place.resolveSibling("." + name + ASIDE), place.resolveSibling("." + name + ORIGINAL));
    }

    private static Path real(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException _) {
            return path.toAbsolutePath().normalize();
        }
    }

    /// Whether a directory is no checkpoint, but what a repair has not yet put in place or not yet removed.
    public static boolean isLeftover(Path directory) {
        String name = String.valueOf(directory.getFileName());
        if (!name.startsWith(".") || !name.endsWith(ORIGINAL)) {
            return name.startsWith(".") && name.endsWith(ASIDE);
        }
        return Files.exists(directory.resolveSibling(name.substring(1, name.length() - ORIGINAL.length())));
    }

    /// Whether the checkpoint was renamed away and nothing took its place.
    public boolean isOriginalAway() {
        return !Files.exists(place) && Files.isDirectory(original);
    }

    /// Whether a repair did not end, wherever it was.
    public boolean isThere() {
        return Files.exists(aside) || Files.exists(original) || Files.exists(lock());
    }

    public Path lock() {
        return place.resolveSibling(".%s.bowline-lock".formatted(place.getFileName()));
    }
}
