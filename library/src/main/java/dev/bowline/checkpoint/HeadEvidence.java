package dev.bowline.checkpoint;

import dev.bowline.safetensors.TensorEntry;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import dev.bowline.ties.HeadBytes;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// What the files hold of a head and its embedding, and how they differ if they do.
///
/// @param detail half a sentence for a message; empty when there is nothing to add
record HeadEvidence(HeadBytes state, String detail) {

    private static final long CHUNK_BYTES = 16L << 20;

    /// Reads the two tensors, and only when both are there with one shape.
    static HeadEvidence of(Checkpoint checkpoint, Optional<String> head, Optional<String> embedding) {
        if (head.isEmpty() || embedding.isEmpty()) {
            HeadBytes state = head.isPresent()
                    ? HeadBytes.HEAD_ONLY
                    : embedding.isPresent() ? HeadBytes.EMBED_ONLY : HeadBytes.NEITHER;
            return new HeadEvidence(state, "");
        }
        TensorEntry a = checkpoint.entry(head.get());
        TensorEntry b = checkpoint.entry(embedding.get());
        if (!a.shape().equals(b.shape())) {
            return new HeadEvidence(
                    HeadBytes.SHAPE_MISMATCH,
                    "'%s' %s and '%s' %s".formatted(a.name(), a.shape(), b.name(), b.shape()));
        }
        MemorySegment headBytes = checkpoint.bytes(a.name());
        MemorySegment embeddingBytes = checkpoint.bytes(b.name());
        if (a.type() == b.type() && headBytes.mismatch(embeddingBytes) < 0) {
            return new HeadEvidence(HeadBytes.BOTH_EQUAL, "");
        }
        return new HeadEvidence(HeadBytes.BOTH_DIFFER, differences(a, headBytes, b, embeddingBytes));
    }

    String text() {
        return detail.isEmpty() ? state.text() : "%s (%s)".formatted(state.text(), detail);
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
        return "%d of %d rows differ, the first is row %d, the largest difference is %s%s"
                .formatted(differing, rows, first, largest, types);
    }

    private static Tensor rows(MemorySegment bytes, Dtype dtype, long from, long count, long width) {
        long rowBytes = width * dtype.bytes();
        return Ops.cast(
                Memory.view(bytes.asSlice(from * rowBytes, count * rowBytes), dtype, count, width), Dtype.FLOAT32);
    }
}
