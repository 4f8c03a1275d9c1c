package dev.bowline.safetensors;

import dev.bowline.files.AtomicFile;
import dev.bowline.files.NewFile;
import dev.bowline.files.WriteBehind;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// Writes safetensors files in one pass and fsyncs each once.
public final class SafetensorsWriter {

    /// The metadata that transformers expects in a file of PyTorch tensors.
    public static final Map<String, String> PYTORCH_METADATA = Map.of("format", "pt");

    /// Pieces small enough to be in the processor's cache when they are read back to be hashed.
    static final int CHUNK_BYTES = 4 << 20;

    private final FileChannel channel;
    private final WriteBehind behind;

    private SafetensorsWriter(FileChannel channel, WriteBehind behind) {
        this.channel = channel;
        this.behind = behind;
    }

    /// Writes a whole file or none, with the metadata that transformers expects and no hashes.
    public static WrittenFile write(Path target, List<TensorSource> tensors) {
        return write(target, tensors, PYTORCH_METADATA, Set.of());
    }

    /// Writes a whole file or none, over the file at `target` if there is one.
    ///
    /// @param tensors in the order of their bytes; wider types first if some start would be unaligned otherwise
    /// @param metadata in the order of the header; an empty map writes none
    /// @param hashed the names of the tensors whose [TensorHash] is wanted, computed from the file as it reads
    /// back
    public static WrittenFile write(
            Path target, List<TensorSource> tensors, Map<String, String> metadata, Set<String> hashed) {
        return write(AtomicFile::write, target, tensors, metadata, hashed);
    }

    /// Creates a file in a directory that nobody reads yet, like [#write(Path, List, Map, Set)] but under its own
    /// name. A failure leaves a part of the file.
    ///
    /// @param path absent
    public static WrittenFile create(
            Path path, List<TensorSource> tensors, Map<String, String> metadata, Set<String> hashed) {
        return write(NewFile::write, path, tensors, metadata, hashed);
    }

    @FunctionalInterface
    private interface FileWriter {
        void write(Path path, long bytes, NewFile.Content content);
    }

    private static WrittenFile write(
            FileWriter file, Path path, List<TensorSource> tensors, Map<String, String> metadata, Set<String> hashed) {
        HeaderText header = HeaderText.of(tensors, metadata);
        long fileBytes = Math.addExact(header.bytes().remaining(), header.dataBytes());
        SequencedMap<String, String> hashes = new LinkedHashMap<>();
        file.write(path, fileBytes, channel -> {
            try (WriteBehind behind = new WriteBehind(channel)) {
                hashes.putAll(new SafetensorsWriter(channel, behind).write(header, hashed));
            }
        });
        return new WrittenFile(path, fileBytes, hashes);
    }

    private SequencedMap<String, String> write(HeaderText header, Set<String> hashed) throws IOException {
        writeFully(header.bytes());
        SequencedMap<String, TensorHash> hashes = new LinkedHashMap<>();
        for (TensorSource tensor : header.tensors()) {
            Optional<TensorHash> hash =
                    hashed.contains(tensor.name()) ? Optional.of(new TensorHash()) : Optional.empty();
            hash.ifPresent(each -> hashes.put(tensor.name(), each));
            write(tensor, hash);
        }
        behind.await();
        SequencedMap<String, String> texts = new LinkedHashMap<>();
        hashes.forEach((name, hash) -> texts.put(name, hash.hex()));
        return texts;
    }

    private void write(TensorSource tensor, Optional<TensorHash> hash) throws IOException {
        long start = channel.position();
        tensor.content().writeTo(piece -> write(piece, hash));
        long written = channel.position() - start;
        if (written != tensor.bytes()) {
            throw new IllegalArgumentException("tensor '%s' of %s %s has %d bytes, but its source gave %d"
                    .formatted(tensor.name(), tensor.type(), tensor.shape(), tensor.bytes(), written));
        }
    }

    private void write(MemorySegment piece, Optional<TensorHash> hash) throws IOException {
        for (long done = 0; done < piece.byteSize(); done += CHUNK_BYTES) {
            long from = channel.position();
            int length = (int) Math.min(CHUNK_BYTES, piece.byteSize() - done);
            writeFully(piece.asSlice(done, length).asByteBuffer());
            hash.ifPresent(each -> behind.readBack(from, length, each::update));
            behind.written(from + length);
        }
    }

    private void writeFully(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
