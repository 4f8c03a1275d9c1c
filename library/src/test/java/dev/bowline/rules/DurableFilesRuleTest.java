package dev.bowline.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Only the package `files` renames files, fsyncs, locks files and deletes directory trees.
class DurableFilesRuleTest {

    private static final Path FILES = Path.of("..", "library", "src", "main", "java", "dev", "bowline", "files");
    private static final Pattern RENAME = Pattern.compile("\\bFiles\\s*\\.\\s*move\\(|\\.renameTo\\(");
    private static final Pattern FSYNC = Pattern.compile("\\.force\\((true|false)\\)|StandardOpenOption\\.D?SYNC");
    private static final Pattern LOCK = Pattern.compile("\\bFileLock\\b|\\bchannel\\.(tryLock|lock)\\(");
    private static final Pattern WALK = Pattern.compile("\\bFiles\\s*\\.\\s*walk(FileTree)?\\(");
    private static final Pattern DELETE = Pattern.compile("\\bFiles\\s*(\\.|::)\\s*delete(IfExists)?\\b");

    @Test
    void onlyThePackageFilesChangesDurableNames() throws IOException {
        List<String> violations = new ArrayList<>();
        int inPackage = 0;
        for (String module : List.of("library", "formats", "cli", "spark")) {
            for (Path file : sources(Path.of("..", module, "src", "main", "java"))) {
                List<String> found = found(Files.readString(file));
                if (file.startsWith(FILES)) {
                    inPackage += found.size();
                } else {
                    found.forEach(each -> violations.add("%s %s".formatted(file, each)));
                }
            }
        }

        assertEquals(List.of(), violations);
        assertTrue(inPackage >= 5, "only %d uses in the package itself".formatted(inPackage));
    }

    private static List<Path> sources(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(path -> path.toString().endsWith(".java")).toList();
        }
    }

    private static List<String> found(String source) {
        List<String> found = new ArrayList<>();
        if (RENAME.matcher(source).find()) {
            found.add("renames");
        }
        if (FSYNC.matcher(source).find()) {
            found.add("fsyncs");
        }
        if (LOCK.matcher(source).find()) {
            found.add("locks");
        }
        if (WALK.matcher(source).find() && DELETE.matcher(source).find()) {
            found.add("deletes a tree");
        }
        return found;
    }
}
