package dev.bowline.checkpoint;

import dev.bowline.safetensors.TensorSource;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Counts the bytes of tensors as a save writes them.
final class CountedSave {

    private static final long REPORTED_BYTES = 64L << 20;

    private final SaveProgress progress;
    private final long of;
    private long written;
    private long reported;

    CountedSave(SaveProgress progress, long of) {
        this.progress = progress;
        this.of = of;
        progress.written(0, of);
    }

    List<TensorSource> counted(List<TensorSource> tensors) {
        return tensors.stream().map(this::counted).toList();
    }

    private TensorSource counted(TensorSource tensor) {
        return new TensorSource(
                tensor.name(),
                tensor.type(),
                tensor.shape(),
                sink -> tensor.content().writeTo(piece -> {
                    for (long done = 0; done < piece.byteSize(); done += REPORTED_BYTES) {
                        MemorySegment part = piece.asSlice(done, Math.min(REPORTED_BYTES, piece.byteSize() - done));
                        sink.accept(part);
                        add(part.byteSize());
                    }
                }));
    }

    private void add(long bytes) {
        written += bytes;
        if (written - reported >= REPORTED_BYTES || written == of) {
            reported = written;
            progress.written(written, of);
        }
    }
}
