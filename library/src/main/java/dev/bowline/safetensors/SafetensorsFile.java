package dev.bowline.safetensors;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import dev.bowline.RegularFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;

/// A safetensors file, mapped. Opening reads the header only; a tensor's bytes are read when they are touched.
///
/// The map belongs to this object: after [#close()] no segment may be used, and native code that still holds an
/// address would crash.
///
/// Threads may read at once; the owner closes it after the last.
public final class SafetensorsFile implements AutoCloseable {

    private static final long READ_CHUNK_BYTES = 64L << 20;

    private final SafetensorsHeader header;
    private final FileChannel channel;
    private final Arena arena;
    private final MemorySegment data;

    private SafetensorsFile(SafetensorsHeader header, FileChannel channel, Arena arena, MemorySegment data) {
        this.header = header;
        this.channel = channel;
        this.arena = arena;
        this.data = data;
    }

    /// Maps `path` after checking its whole header.
    public static SafetensorsFile open(Path path) {
        return open(path, new HeaderReader(path));
    }

    /// Maps a file that [#salvageHeader(Path)] reads.
    public static SafetensorsFile salvage(Path path) {
        return open(path, new HeaderReader(path, (_, _) -> {}));
    }

    @SuppressWarnings("MustBeClosed") // the returned file owns the arena, and every failure below closes it
    private static SafetensorsFile open(Path path, HeaderReader reader) {
        Arena arena = Arena.ofShared();
        try {
            FileChannel channel = channel(path);
            try {
                SafetensorsHeader header = reader.read(channel);
                MemorySegment data = channel.map(MapMode.READ_ONLY, header.dataStart(), header.dataBytes(), arena);
                return new SafetensorsFile(header, channel, arena, data);
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            arena.close();
            throw unreadable(path, e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /// The header alone, without a map; checked as [#open(Path)] checks it.
    public static SafetensorsHeader readHeader(Path path) {
        try (FileChannel channel = channel(path)) {
            return new HeaderReader(path).read(channel);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    /// The header of a file that breaks the format and still leaves no doubt where each tensor's bytes are: bytes
    /// between or after the tensors, two names for the same bytes, metadata other than strings.
    ///
    /// @throws BowlineException when there is a doubt
    public static SalvagedHeader salvageHeader(Path path) {
        List<String> breaches = new ArrayList<>();
        try (FileChannel channel = channel(path)) {
            SafetensorsHeader header = new HeaderReader(path, (what, _) -> breaches.add(what)).read(channel);
            return new SalvagedHeader(header, breaches);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    public Path path() {
        return header.path();
    }

    public SafetensorsHeader header() {
        return header;
    }

    /// The tensors in the order of their bytes.
    public SequencedMap<String, TensorEntry> entries() {
        return header.entries();
    }

    public SequencedMap<String, String> metadata() {
        return header.metadata();
    }

    /// The tensor's bytes, little-endian, without a copy and of any size; valid until this file is closed.
    ///
    /// The segment is read-only. It starts at a multiple of the element size only if the file's writer saw to
    /// that.
    public MemorySegment bytes(String name) {
        TensorEntry entry = entry(name);
        return data.asSlice(entry.begin(), entry.bytes());
    }

    /// Releases the pages that were touched, which the process is otherwise charged with. A page that is touched
    /// again is read again.
    void unload() {
        data.unload();
    }

    /// Reads bytes of a tensor into memory of the caller's own, without touching the map.
    ///
    /// @param from how many bytes of the tensor are in front of those that are wanted
    /// @param target native or array memory of as many bytes as are wanted
    public void copy(String name, long from, MemorySegment target) {
        TensorEntry entry = entry(name);
        if (from < 0 || target.byteSize() > entry.bytes() - from) {
            throw new IllegalArgumentException("tensor '%s' has %d bytes, not %d from %d on"
                    .formatted(name, entry.bytes(), target.byteSize(), from));
        }
        long start = header.dataStart() + entry.begin() + from;
        try {
            for (long done = 0; done < target.byteSize(); done += READ_CHUNK_BYTES) {
                long length = Math.min(READ_CHUNK_BYTES, target.byteSize() - done);
                fill(target.asSlice(done, length).asByteBuffer(), start + done);
            }
        } catch (IOException e) {
            throw unreadable(path(), e);
        }
    }

    /// True if the file still has all bytes of the tensor; they are missing when it was cut after it was opened.
    public boolean isWhole(String name) {
        try {
            return channel.size()
                    >= header.dataStart() + entry(name).begin() + entry(name).bytes();
        } catch (IOException e) {
            throw unreadable(path(), e);
        }
    }

    /// The tensor's description.
    public TensorEntry entry(String name) {
        TensorEntry entry = entries().get(name);
        if (entry == null) {
            throw new BowlineException(
                    "%s has no tensor '%s'%s"
                            .formatted(
                                    path(),
                                    name,
                                    NearestNames.hint(name, entries().keySet())),
                    "use the checkpoint this name belongs to");
        }
        return entry;
    }

    @Override
    public void close() {
        arena.close();
        try {
            channel.close();
        } catch (IOException e) {
            throw unreadable(path(), e);
        }
    }

    private void fill(ByteBuffer buffer, long position) throws IOException {
        while (buffer.hasRemaining()) {
            int read = channel.read(buffer, position);
            if (read < 0) {
                throw new BowlineException(
                        "%s became shorter while it was open".formatted(path()), "download the file again");
            }
            position += read;
        }
    }

    private static FileChannel channel(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            throw new BowlineException("%s is a directory".formatted(path), "name a .safetensors file inside it");
        }
        RegularFile.require(path);
        return FileChannel.open(path, StandardOpenOption.READ);
    }

    private static BowlineException unreadable(Path path, IOException e) {
        if (e instanceof NoSuchFileException) {
            return new BowlineException("there is no file %s".formatted(path), "check the path", e);
        }
        return new BowlineException(
                "%s cannot be read: %s".formatted(path, e.getMessage()), "check the file and its permissions", e);
    }
}
