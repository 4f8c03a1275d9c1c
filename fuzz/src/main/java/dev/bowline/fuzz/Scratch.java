package dev.bowline.fuzz;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// What the targets have in common.
final class Scratch {

    private Scratch() {}

    /// A directory for the files that a target writes again and again.
    static Path directory() {
        try {
            return Files.createTempDirectory("bowline-fuzz");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// A refusal says what and what to do.
    static void requireWords(BowlineException refusal) {
        if (refusal.problem().isBlank() || refusal.fix().isBlank()) {
            throw new IllegalStateException("a refusal without words", refusal);
        }
    }
}
