package dev.bowline.safetensors;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.Consumer;

/// Writes a safetensors file aside, makes it durable and renames it into place: there is the whole new file or the
/// old one, never a part.
public final class SafetensorsWriter {

    /// What transformers expects of a file that PyTorch could have written.
    public static final Map<String, String> PYTORCH_METADATA = Map.of("format", "pt");

    /// Pieces small enough to be in the processor's cache when they are written after they were hashed.
    private static final long CHUNK_BYTES = 4L << 20;

    private final FileChannel channel;

    private SafetensorsWriter(FileChannel channel) {
        this.channel = channel;
    }

    /// Writes with the metadata that transformers expects, and no hashes.
    public static WrittenFile write(Path target, List<TensorSource> tensors) {
        return write(target, tensors, PYTORCH_METADATA, Set.of());
    }

    /// @param tensors in the order their bytes shall have; wider types first if some start would be unaligned otherwise
    /// @param metadata in the order it shall have; an empty map writes none
    /// @param hashed the names of the tensors whose [TensorHash] is wanted; hashing costs about as much as writing
    public static WrittenFile write(
            Path target, List<TensorSource> tensors, Map<String, String> metadata, Set<String> hashed) {
        HeaderText header = HeaderText.of(tensors, metadata);
        long fileBytes = Math.addExact(header.bytes().remaining(), header.dataBytes());
        SequencedMap<String, String> hashes = new LinkedHashMap<>();
        FileAside.write(target, fileBytes, channel -> {
            SafetensorsWriter writer = new SafetensorsWriter(channel);
            writer.writeFully(header.bytes());
            for (TensorSource tensor : header.tensors()) {
                if (hashed.contains(tensor.name())) {
                    TensorHash hash = new TensorHash();
                    writer.write(tensor, hash::update);
                    hashes.put(tensor.name(), hash.hex());
                } else {
                    writer.write(tensor, _ -> {});
                }
            }
        });
        return new WrittenFile(target, fileBytes, hashes);
    }

    private void write(TensorSource tensor, Consumer<ByteBuffer> witness) throws IOException {
        long start = channel.position();
        tensor.content().writeTo(piece -> write(piece, witness));
        long written = channel.position() - start;
        if (written != tensor.bytes()) {
            throw new IllegalArgumentException("tensor '%s' of %s %s has %d bytes, but its source gave %d"
                    .formatted(tensor.name(), tensor.type(), tensor.shape(), tensor.bytes(), written));
        }
    }

    private void write(MemorySegment piece, Consumer<ByteBuffer> witness) throws IOException {
        for (long done = 0; done < piece.byteSize(); done += CHUNK_BYTES) {
            ByteBuffer chunk = piece.asSlice(done, Math.min(CHUNK_BYTES, piece.byteSize() - done))
                    .asByteBuffer();
            witness.accept(chunk.duplicate());
            writeFully(chunk);
        }
    }

    private void writeFully(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
