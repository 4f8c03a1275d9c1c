package dev.bowline.audit;

import dev.bowline.BowlineException;
import dev.bowline.audit.evidence.RepairPaths;
import dev.bowline.audit.evidence.SourceFiles;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;

/// Finds the checkpoints below a directory. Links to directories are not followed, so a loop of them ends.
public final class CheckpointTree {

    private static final int DEPTH = 12;

    private CheckpointTree() {}

    /// `path` itself when it is a checkpoint or a file; else every directory below it that holds weights; `path` itself
    /// again when there is none, for whoever reads it to say so.
    public static List<Path> find(Path path) {
        if (!Files.isDirectory(path) || holdsWeights(path)) {
            return List.of(path);
        }
        List<Path> found = new ArrayList<>();
        try {
            Files.walkFileTree(
                    path, EnumSet.noneOf(java.nio.file.FileVisitOption.class), DEPTH, new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                            if (RepairPaths.isLeftover(directory)) {
                                return FileVisitResult.SKIP_SUBTREE;
                            }
                            if (holdsWeights(directory)) {
                                found.add(directory);
                                return FileVisitResult.SKIP_SUBTREE;
                            }
                            return FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult visitFileFailed(Path file, IOException failure) {
                            return FileVisitResult.CONTINUE;
                        }
                    });
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be searched: %s".formatted(path, e.getMessage()), "check its permissions", e);
        }
        found.sort(null);
        return found.isEmpty() ? List.of(path) : found;
    }

    private static boolean holdsWeights(Path directory) {
        try {
            return SourceFiles.list(directory).stream()
                    .map(file -> String.valueOf(file.getFileName()))
                    .anyMatch(name -> name.equals(SourceFiles.CONFIG)
                            || name.endsWith(".safetensors") && !name.startsWith("adapter_"));
        } catch (BowlineException _) {
            return false;
        }
    }
}
