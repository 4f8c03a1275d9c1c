package dev.bowline.gguf;

import dev.bowline.files.AtomicFile;
import dev.bowline.files.NewFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/// The content of a GGUF file, version 3, little-endian: metadata, the description of every tensor, and the tensors'
/// bytes, each at a multiple of 32 bytes from the start of the data.
///
/// Source: `docs/gguf.md` of ggml.
///
/// @param metadata in the order of the file
/// @param tensors in the order of their bytes
public record GgufFile(SequencedMap<String, GgufValue> metadata, List<GgufTensor> tensors) {

    static final int ALIGNMENT = 32;

    public GgufFile {
        metadata = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(metadata));
        tensors = List.copyOf(tensors);
        Set<String> names = new HashSet<>();
        for (GgufTensor tensor : tensors) {
            if (!names.add(tensor.name())) {
                throw new IllegalArgumentException("tensor '%s' is given twice".formatted(tensor.name()));
            }
        }
    }

    /// The length of the file, in bytes.
    public long bytes() {
        long bytes = padded(new GgufHeader(this).bytes().length);
        for (GgufTensor tensor : tensors) {
            bytes = Math.addExact(bytes, padded(tensor.bytes()));
        }
        return bytes;
    }

    /// Writes a whole file or none, over the file at `target` if there is one.
    public void write(Path target) {
        AtomicFile.write(target, bytes(), this::writeTo);
    }

    /// Creates a file in a directory that nobody reads yet. A failure leaves a part of the file.
    ///
    /// @param path absent
    public void create(Path path) {
        NewFile.write(path, bytes(), this::writeTo);
    }

    static long padded(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }

    private void writeTo(FileChannel channel) throws IOException {
        writeFully(channel, ByteBuffer.wrap(new GgufHeader(this).bytes()));
        pad(channel);
        for (GgufTensor tensor : tensors) {
            long start = channel.position();
            tensor.content().writeTo(piece -> write(channel, piece));
            long written = channel.position() - start;
            if (written != tensor.bytes()) {
                throw new IllegalArgumentException("tensor '%s' of %s %s has %d bytes, but its source gave %d"
                        .formatted(tensor.name(), tensor.type(), tensor.shape(), tensor.bytes(), written));
            }
            pad(channel);
        }
    }

    private static void write(FileChannel channel, MemorySegment piece) throws IOException {
        for (long done = 0; done < piece.byteSize(); done += Integer.MAX_VALUE) {
            writeFully(
                    channel,
                    piece.asSlice(done, Math.min(Integer.MAX_VALUE, piece.byteSize() - done))
                            .asByteBuffer());
        }
    }

    private static void pad(FileChannel channel) throws IOException {
        long position = channel.position();
        writeFully(channel, ByteBuffer.allocate((int) (padded(position) - position)));
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
