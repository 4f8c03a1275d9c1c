package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.files.DurableFiles;
import dev.bowline.files.NewFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;
import org.jspecify.annotations.Nullable;

/// The files next to the weights: tokenizer, templates, generation config, whatever a model's maker put there. A
/// save copies them unchanged. [CompanionWalk] says which files these are.
///
/// They may be retained: their content is read at once, so that later saves write it whatever became of the
/// files.
final class CompanionFiles implements AutoCloseable {

    /// Tokenizers have up to 40 MB. A larger file is copied from the disk at each save.
    private static final long LARGEST_RETAINED = 64L << 20;

    private static final long MOST_RETAINED = 256L << 20;

    private static final int CHUNK_BYTES = 1 << 20;

    private final Path directory;
    private final SequencedMap<Path, FileStamp> files;
    private final List<String> leftOut;
    private final Map<Path, MemorySegment> retained = new LinkedHashMap<>();
    private Optional<Arena> arena = Optional.empty();

    /// @param files relative to `directory`
    private CompanionFiles(Path directory, SequencedMap<Path, FileStamp> files, List<String> leftOut) {
        this.directory = directory;
        this.files = files;
        this.leftOut = List.copyOf(leftOut);
    }

    static CompanionFiles none() {
        return new CompanionFiles(Path.of(""), new LinkedHashMap<>(), List.of());
    }

    /// @throws BowlineException if one of them, or a directory, cannot be read
    static CompanionFiles of(Path directory) {
        CompanionWalk walk = CompanionWalk.of(directory);
        return new CompanionFiles(directory, walk.files(), walk.leftOut());
    }

    /// The same, retained until it is closed.
    static CompanionFiles retaining(Path directory) {
        CompanionFiles companions = of(directory);
        try {
            companions.retain();
            return companions;
        } catch (IOException e) {
            companions.close();
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(directory, e.getMessage()), "check the files in it", e);
        }
    }

    @SuppressWarnings("MustBeClosed") // this object owns it
    private void retain() throws IOException {
        Arena memory = Arena.ofShared();
        arena = Optional.of(memory);
        long room = MOST_RETAINED;
        for (Map.Entry<Path, FileStamp> file : files.entrySet()) {
            long bytes = file.getValue().bytes();
            if (bytes <= Math.min(room, LARGEST_RETAINED)) {
                retained.put(file.getKey(), read(directory.resolve(file.getKey()), memory.allocate(bytes)));
                room -= bytes;
            }
        }
    }

    private static MemorySegment read(Path file, MemorySegment content) throws IOException {
        ByteBuffer buffer = content.asByteBuffer();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (buffer.hasRemaining()) {
                if (channel.read(buffer) < 0) {
                    throw new IOException("%s became shorter while it was read".formatted(file));
                }
            }
        }
        return content;
    }

    /// Relative to the directory, in order.
    List<Path> paths() {
        return List.copyOf(files.sequencedKeySet());
    }

    long bytes() {
        return files.values().stream().mapToLong(FileStamp::bytes).sum();
    }

    /// Files that look like the model's and were not taken, a sentence each.
    List<String> leftOut() {
        return leftOut;
    }

    /// Copies each file into a directory that nobody reads yet. The caller fsyncs `target`.
    ///
    /// @return the changes since the files were listed, a sentence each
    List<String> copyTo(Path target) throws IOException {
        List<String> notes = new ArrayList<>();
        SequencedSet<Path> folders = new LinkedHashSet<>();
        for (Map.Entry<Path, FileStamp> file : files.entrySet()) {
            Path copy = target.resolve(file.getKey());
            Path folder = Objects.requireNonNullElse(copy.getParent(), target);
            Files.createDirectories(folder);
            for (Path each = folder; each != null && !each.equals(target); each = each.getParent()) {
                folders.add(each);
            }
            copy(file.getKey(), copy);
            note(file.getKey(), file.getValue()).ifPresent(notes::add);
        }
        for (Path folder : folders) {
            DurableFiles.fsyncDirectory(folder);
        }
        return notes;
    }

    private Optional<String> note(Path file, FileStamp before) {
        Path original = directory.resolve(file);
        boolean isRetained = retained.containsKey(file);
        return switch (before.changeOf(original)) {
            case NONE -> Optional.empty();
            case REWRITTEN, REPLACED ->
                Optional.of(
                        isRetained
                                ? "%s changed after the model was loaded; checkpoints contain its earlier content"
                                        .formatted(original)
                                : "%s changed after the model was loaded; checkpoints contain its content at each save"
                                        .formatted(original));
        };
    }

    private void copy(Path file, Path copy) throws IOException {
        @Nullable MemorySegment content = retained.get(file);
        long bytes = Objects.requireNonNull(files.get(file)).bytes();
        if (content != null) {
            NewFile.write(copy, bytes, to -> write(content.asByteBuffer(), to));
            return;
        }
        try (FileChannel from = FileChannel.open(directory.resolve(file), StandardOpenOption.READ)) {
            NewFile.write(copy, bytes, to -> {
                ByteBuffer buffer = ByteBuffer.allocateDirect(CHUNK_BYTES);
                while (from.read(buffer) >= 0) {
                    write(buffer.flip(), to);
                    buffer.clear();
                }
            });
        } catch (NoSuchFileException _) {
            // The note about the change says so.
        }
    }

    private static void write(ByteBuffer bytes, FileChannel to) throws IOException {
        while (bytes.hasRemaining()) {
            to.write(bytes);
        }
    }

    /// Frees what was retained.
    @Override
    public void close() {
        arena.ifPresent(Arena::close);
        arena = Optional.empty();
        retained.clear();
    }
}
