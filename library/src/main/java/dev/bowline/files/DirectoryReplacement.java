package dev.bowline.files;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Replaces a directory by another.
///
/// Not every file system replaces a directory in one step. So the new directory first gets a name that marks it as
/// whole, and from then on the replacement is only completed: by the process that began it, or by the next one.
public final class DirectoryReplacement {

    private static final Pattern WHOLE = Pattern.compile("\\.(.+)\\.[0-9a-f-]{36}\\.whole");

    private DirectoryReplacement() {}

    /// @param target a directory that is there
    /// @param parent of both
    /// @param aside whole and forced to the disk
    static void begin(Path target, Path parent, Path aside) throws IOException {
        Path whole = parent.resolve(".%s.%s.whole".formatted(target.getFileName(), UUID.randomUUID()));
        DurableFiles.rename(aside, whole);
        try {
            DurableFiles.fsyncDirectory(parent);
            finish(whole, target, parent);
        } catch (IOException e) {
            DurableFiles.deleteRecursively(whole); // the save failed, and this process can still delete its directory
            throw e;
        }
    }

    /// Completes the replacements that killed processes began among the children of `parent`.
    public static void finishAll(Path parent) throws IOException {
        List<Path> children;
        try (Stream<Path> all = Files.list(parent)) {
            children = all.toList();
        }
        for (Path child : children) {
            Matcher whole = WHOLE.matcher(child.getFileName().toString());
            if (whole.matches()) {
                finish(child, parent.resolve(whole.group(1)), parent);
            }
        }
    }

    private static void finish(Path whole, Path target, Path parent) throws IOException {
        Path old = PartialName.of(target);
        if (Files.exists(target)) {
            DurableFiles.rename(target, old);
        }
        try {
            DurableFiles.rename(whole, target);
        } catch (IOException e) {
            if (Files.exists(old)) {
                DurableFiles.rename(old, target);
            }
            throw e;
        }
        confirm(target, parent);
        try {
            DurableFiles.deleteRecursively(old);
        } catch (IOException _) {
            // The new directory is in its place. The next save deletes the hidden one.
        }
    }

    /// Makes the name of a complete directory durable. A failure leaves the directory.
    static void confirm(Path target, Path parent) {
        try {
            DurableFiles.fsyncDirectory(parent);
        } catch (IOException e) {
            BowlineException unconfirmed = new BowlineException(
                    "%s is complete, but the disk did not confirm its name; a power cut may lose it: %s"
                            .formatted(target, e.getMessage()),
                    "check the disk, and inspect that directory before you resume from it");
            unconfirmed.addSuppressed(e);
            throw unconfirmed;
        }
    }
}
