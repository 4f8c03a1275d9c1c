package dev.bowline.audit.evidence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// The paths that a repair uses next to the checkpoint, and their contents after an interrupted repair.
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

    /// True if a directory is no checkpoint but the unfinished or not yet removed files of a repair.
    public static boolean isLeftover(Path directory) {
        String name = String.valueOf(directory.getFileName());
        if (!name.startsWith(".") || !name.endsWith(ORIGINAL)) {
            return name.startsWith(".") && name.endsWith(ASIDE);
        }
        return Files.exists(directory.resolveSibling(name.substring(1, name.length() - ORIGINAL.length())));
    }

    /// True if the checkpoint was renamed away and nothing took its place.
    public boolean isOriginalAway() {
        return !Files.exists(place) && Files.isDirectory(original);
    }

    /// True if a repair was interrupted, at any step.
    public boolean isThere() {
        return Files.exists(aside) || Files.exists(original) || Files.exists(lock());
    }

    public Path lock() {
        return place.resolveSibling(".%s.bowline-lock".formatted(place.getFileName()));
    }
}
