package dev.bowline.checkpoint;

import dev.bowline.safetensors.TensorEntry;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import dev.bowline.ties.HeadBytes;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// What the files hold of a head and its embedding. The two tensors are read only when both are there in one
/// shape.
final class HeadEvidence {

    private static final long CHUNK_BYTES = 16L << 20;

    private final Checkpoint checkpoint;
    private final Optional<TensorEntry> head;
    private final Optional<TensorEntry> embedding;
    private final HeadBytes state;

    private HeadEvidence(Checkpoint checkpoint, Optional<TensorEntry> head, Optional<TensorEntry> embedding) {
        this.checkpoint = checkpoint;
        this.head = head;
        this.embedding = embedding;
        state = head.isPresent() && embedding.isPresent()
                ? compared(checkpoint, head.get(), embedding.get())
                : head.isPresent()
                        ? HeadBytes.HEAD_ONLY
                        : embedding.isPresent() ? HeadBytes.EMBED_ONLY : HeadBytes.NEITHER;
    }

    static HeadEvidence of(Correspondence names) {
        return new HeadEvidence(
                names.checkpoint(),
                names.key(names.model().lmHead().path()).map(names.checkpoint()::entry),
                names.key(names.model().inputEmbedding().path()).map(names.checkpoint()::entry));
    }

    HeadBytes state() {
        return state;
    }

    /// What a message should say beyond the state; this reads both tensors once more.
    Optional<String> detail() {
        return switch (state) {
            case EMBED_ONLY, HEAD_ONLY, BOTH_EQUAL, NEITHER -> Optional.empty();
            case SHAPE_MISMATCH -> {
                TensorEntry a = head.orElseThrow();
                TensorEntry b = embedding.orElseThrow();
                yield Optional.of("'%s' %s and '%s' %s".formatted(a.name(), a.shape(), b.name(), b.shape()));
            }
            case BOTH_DIFFER -> {
                TensorEntry a = head.orElseThrow();
                TensorEntry b = embedding.orElseThrow();
                yield Optional.of(differences(a, checkpoint.bytes(a.name()), b, checkpoint.bytes(b.name())));
            }
        };
    }

    private static HeadBytes compared(Checkpoint checkpoint, TensorEntry head, TensorEntry embedding) {
        if (!head.shape().equals(embedding.shape())) {
            return HeadBytes.SHAPE_MISMATCH;
        }
        boolean equal = head.type() == embedding.type()
                && checkpoint.bytes(head.name()).mismatch(checkpoint.bytes(embedding.name())) < 0;
        return equal ? HeadBytes.BOTH_EQUAL : HeadBytes.BOTH_DIFFER;
    }

    private static String differences(TensorEntry a, MemorySegment head, TensorEntry b, MemorySegment embedding) {
        String types = a.type() == b.type() ? "" : ", stored as %s and %s".formatted(a.type(), b.type());
        if (a.shape().size() != 2 || a.elements() == 0) {
            return "'%s' and '%s'%s".formatted(a.name(), b.name(), types);
        }
        Dtype headType = ElementTypes.weightDtype(a);
        Dtype embeddingType = ElementTypes.weightDtype(b);
        long rows = a.shape().get(0);
        long width = a.shape().get(1);
        long chunk = Math.max(1, CHUNK_BYTES / (width * Float.BYTES));
        long differing = 0;
        long first = -1;
        double largest = 0;
        for (long from = 0; from < rows; from += chunk) {
            long count = Math.min(chunk, rows - from);
            try (var _ = TensorScope.open()) {
                Tensor x = rows(head, headType, from, count, width);
                Tensor y = rows(embedding, embeddingType, from, count, width);
                // A NaN differs from everything, itself included.
                Tensor rowDiffers = x.ne(y).any(1);
                long inChunk = rowDiffers.sum().item_long();
                if (inChunk > 0 && first < 0) {
                    first = from
                            + rowDiffers.to(Dtype.INT32.scalarType()).argmax().item_long();
                }
                differing += inChunk;
                largest = Math.max(largest, x.sub(y).abs().max().item_double());
            }
        }
        return String.format(
                Locale.ROOT,
                "%d of %d rows differ, the first is row %d, the largest difference is %.4g%s",
                differing,
                rows,
                first,
                largest,
                types);
    }

    private static Tensor rows(MemorySegment bytes, Dtype dtype, long from, long count, long width) {
        long rowBytes = width * dtype.bytes();
        return Ops.cast(
                Memory.view(bytes.asSlice(from * rowBytes, count * rowBytes), dtype, count, width), Dtype.FLOAT32);
    }
}
