package dev.bowline.gguf;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.List;
import java.util.SequencedMap;

/// A GGUF file, mapped after a check of its whole header. The owner closes it; a tensor's bytes are valid until then.
///
/// Source: `docs/gguf.md` of ggml.
public final class MappedGguf implements AutoCloseable {

    /// A tensor of the file.
    ///
    /// @param shape outermost dimension first, as in PyTorch
    /// @param bytes little-endian, read-only
    public record Tensor(String name, GgufType type, List<Long> shape, MemorySegment bytes) {

        public Tensor {
            shape = List.copyOf(shape);
        }
    }

    private final Arena arena;
    private final SequencedMap<String, GgufValue> metadata;
    private final SequencedMap<String, Tensor> tensors;

    private MappedGguf(Arena arena, GgufHeaderReader header) {
        this.arena = arena;
        metadata = Collections.unmodifiableSequencedMap(header.metadata());
        tensors = Collections.unmodifiableSequencedMap(header.tensors());
    }

    /// @throws BowlineException for a file that cannot be read, that is no GGUF file of version 2 or 3, whose header
    ///     contradicts itself or the file's length, or that has tensors of another type than [GgufType]
    @SuppressWarnings("MustBeClosed") // the returned file owns the arena, and every failure below closes it
    public static MappedGguf open(Path path) {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment file = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
            return new MappedGguf(arena, GgufHeaderReader.read(path, file));
        } catch (IOException e) {
            arena.close();
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(path, e.getMessage()), "check the path and its permissions", e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /// The values of the types that [GgufValue] has; values of other types are left out.
    public SequencedMap<String, GgufValue> metadata() {
        return metadata;
    }

    /// The tensors by their name, in the order of the file.
    public SequencedMap<String, Tensor> tensors() {
        return tensors;
    }

    @Override
    public void close() {
        arena.close();
    }
}
