package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.files.RunLock;
import dev.bowline.ties.TieLedger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Finds the files next to a model's weights that belong to the model.
///
/// These do not belong: weights in any format, their indexes, config.json, Bowline's training state, hidden
/// folders such as .git, folders that are checkpoints of their own, and what is no regular file.
///
/// A link to a file is followed wherever it leads, because a hub cache is made of such links. A link to a
/// directory is followed only within the model's directory, once, and never to a directory around it.
final class CompanionWalk {

    private static final Set<String> WRITTEN_ANEW =
            Set.of(ModelDirectory.CONFIG_FILE, TieLedger.FILE_NAME, TrainingState.FILE_NAME, ModelDirectory.MERGE_FILE);

    private static final List<String> WEIGHTS = List.of(
            ".safetensors",
            ".safetensors.index.json",
            ".bin",
            ".bin.index.json",
            ".pt",
            ".pth",
            ".ckpt",
            ".h5",
            ".msgpack",
            ".gguf",
            ".onnx",
            ".onnx_data",
            ".pkl");

    private static final int MAX_DEPTH = 4;

    private final Path directory;
    private final Path realDirectory;
    private final Set<Path> linked = new HashSet<>();
    private final TreeMap<Path, FileStamp> files = new TreeMap<>();
    private final List<String> leftOut = new ArrayList<>();

    private CompanionWalk(Path directory, Path realDirectory) {
        this.directory = directory;
        this.realDirectory = realDirectory;
    }

    /// @throws BowlineException if a file, or a directory, cannot be read
    static CompanionWalk of(Path directory) {
        try {
            CompanionWalk walk = new CompanionWalk(directory, directory.toRealPath());
            walk.folder(directory, 1);
            return walk;
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be listed: %s".formatted(directory, e.getMessage()), "check its permissions", e);
        }
    }

    /// The files by their path relative to the directory, in order.
    SequencedMap<Path, FileStamp> files() {
        return files;
    }

    /// Files that look like the model's and were not taken, a sentence each.
    List<String> leftOut() {
        return leftOut;
    }

    private void folder(Path folder, int depth) throws IOException {
        List<Path> children;
        try (Stream<Path> all = Files.list(folder)) {
            children = all.sorted().toList();
        }
        for (Path child : children) {
            if (Files.isDirectory(child)) {
                if (depth < MAX_DEPTH && belongs(child)) {
                    folder(child, depth + 1);
                }
            } else if (Files.isRegularFile(child)) {
                file(child);
            } else if (Files.isSymbolicLink(child) && !isHidden(child)) {
                leftOut.add("%s is a link to a missing file; checkpoints do not contain it".formatted(child));
            }
        }
    }

    private boolean belongs(Path folder) throws IOException {
        boolean isModel = Files.exists(folder.resolve(ModelDirectory.CONFIG_FILE));
        boolean isRun = Files.exists(folder.resolve(RunLock.FILE_NAME));
        if (isHidden(folder) || isModel || isRun) {
            return false;
        }
        if (!Files.isSymbolicLink(folder)) {
            return true;
        }
        Path target = folder.toRealPath();
        if (!target.startsWith(realDirectory)) {
            leftOut.add("%s is a link to a directory outside of the model; checkpoints do not contain it"
                    .formatted(folder));
            return false;
        }
        Path parent = folder.toAbsolutePath().getParent();
        boolean isLoop = parent != null && parent.toRealPath().startsWith(target);
        return !isLoop && linked.add(target);
    }

    private void file(Path file) throws IOException {
        String name = file.getFileName().toString();
        if (WRITTEN_ANEW.contains(name) || WEIGHTS.stream().anyMatch(name.toLowerCase(Locale.ROOT)::endsWith)) {
            return;
        }
        if (!Files.isReadable(file)) {
            throw new BowlineException(
                    "%s cannot be read, and checkpoints need it".formatted(file),
                    "make it readable, or move it out of the model's directory");
        }
        files.put(directory.relativize(file), FileStamp.of(Files.readAttributes(file, BasicFileAttributes.class)));
    }

    private static boolean isHidden(Path path) {
        return path.getFileName().toString().startsWith(".");
    }
}
