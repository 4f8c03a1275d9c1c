package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.ties.TieLedger;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;

/// The files beside the weights: tokenizer, templates, generation config, whatever a model's maker put there. A
/// save takes them along as they are.
///
/// Not taken: weights in any format, their indexes, config.json, Bowline's own training state, hidden folders
/// such as .git, and folders that are checkpoints of their own.
///
/// @param paths relative to the directory
record CompanionFiles(Path directory, List<Path> paths, long bytes) {

    private static final Set<String> WRITTEN_ANEW =
            Set.of(Checkpoint.CONFIG_FILE, TieLedger.FILE_NAME, TrainingState.FILE_NAME);

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

    static CompanionFiles none() {
        return new CompanionFiles(Path.of(""), List.of(), 0);
    }

    static CompanionFiles of(Path directory) {
        List<Path> paths = new ArrayList<>();
        long[] bytes = new long[1];
        try {
            Files.walkFileTree(
                    directory, EnumSet.of(FileVisitOption.FOLLOW_LINKS), MAX_DEPTH, new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                            boolean other = !folder.equals(directory)
                                    && (isHidden(folder) || Files.exists(folder.resolve(Checkpoint.CONFIG_FILE)));
                            return other ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                            if (attributes.isRegularFile() && belongs(file)) {
                                paths.add(directory.relativize(file));
                                bytes[0] += attributes.size();
                            }
                            return FileVisitResult.CONTINUE;
                        }
                    });
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be listed: %s".formatted(directory, e.getMessage()), "check its permissions", e);
        }
        return new CompanionFiles(directory, paths.stream().sorted().toList(), bytes[0]);
    }

    /// Copies each and forces it to the disk.
    void copyTo(Path target) throws IOException {
        for (Path path : paths) {
            Path copy = target.resolve(path);
            Path folder = Objects.requireNonNullElse(copy.getParent(), target);
            DirectoryAside.createDirectories(folder);
            try (FileChannel from = FileChannel.open(directory.resolve(path), StandardOpenOption.READ);
                    FileChannel to = FileChannel.open(copy, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                long size = from.size();
                long done = 0;
                while (done < size) {
                    done += from.transferTo(done, size - done, to);
                }
                to.force(true);
            }
            DirectoryAside.force(folder);
        }
    }

    private static boolean belongs(Path file) {
        String name = file.getFileName().toString();
        return !WRITTEN_ANEW.contains(name) && WEIGHTS.stream().noneMatch(name.toLowerCase(Locale.ROOT)::endsWith);
    }

    private static boolean isHidden(Path path) {
        return path.getFileName().toString().startsWith(".");
    }
}
