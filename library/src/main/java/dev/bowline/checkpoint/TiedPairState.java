package dev.bowline.checkpoint;

import dev.bowline.safetensors.TensorComparison;
import dev.bowline.safetensors.TensorDifference;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorRange;
import dev.bowline.ties.HeadBytes;
import java.util.Locale;
import java.util.Optional;

/// The state of a head and its embedding in the files. The two tensors are read only if both are there in one
/// shape.
final class TiedPairState {

    private final Checkpoint checkpoint;
    private final Optional<TensorEntry> head;
    private final Optional<TensorEntry> embedding;
    private final HeadComparison comparison;
    private final HeadBytes state;

    private TiedPairState(
            Checkpoint checkpoint,
            Optional<TensorEntry> head,
            Optional<TensorEntry> embedding,
            HeadComparison comparison) {
        this.checkpoint = checkpoint;
        this.comparison = comparison;
        this.head = head;
        this.embedding = embedding;
        state = head.isPresent() && embedding.isPresent()
                ? compared(head.get(), embedding.get())
                : head.isPresent()
                        ? HeadBytes.HEAD_ONLY
                        : embedding.isPresent() ? HeadBytes.EMBED_ONLY : HeadBytes.NEITHER;
    }

    static TiedPairState of(CheckpointMapping names, HeadComparison comparison) {
        return new TiedPairState(
                names.checkpoint(),
                names.key(names.model().lmHead().path()).map(names.checkpoint()::entry),
                names.key(names.model().inputEmbedding().path()).map(names.checkpoint()::entry),
                comparison);
    }

    HeadBytes state() {
        return state;
    }

    /// The detail for a message. Reads both tensors once more.
    Optional<String> detail() {
        return switch (state) {
            case EMBED_ONLY, HEAD_ONLY, BOTH_EQUAL, NEITHER -> Optional.empty();
            case SHAPE_MISMATCH -> {
                TensorEntry a = head.orElseThrow();
                TensorEntry b = embedding.orElseThrow();
                yield Optional.of("'%s' %s and '%s' %s".formatted(a.name(), a.shape(), b.name(), b.shape()));
            }
            case BOTH_DIFFER -> Optional.of(differences(head.orElseThrow(), embedding.orElseThrow()));
        };
    }

    private HeadBytes compared(TensorEntry a, TensorEntry b) {
        if (!a.shape().equals(b.shape())) {
            return HeadBytes.SHAPE_MISMATCH;
        }
        return comparison.isSame(range(a), range(b)) ? HeadBytes.BOTH_EQUAL : HeadBytes.BOTH_DIFFER;
    }

    private String differences(TensorEntry a, TensorEntry b) {
        String types = a.type() == b.type() ? "" : ", stored as %s and %s".formatted(a.type(), b.type());
        if (!TensorComparison.hasRows(range(a)) || !TensorComparison.hasRows(range(b))) {
            return "'%s' and '%s'%s".formatted(a.name(), b.name(), types);
        }
        TensorDifference difference = TensorComparison.of(range(a), range(b));
        return difference.isNone()
                ? "no row differs after a cast" + types
                : String.format(
                        Locale.ROOT,
                        "%d of %d rows differ, the first is row %d, the largest difference is %.4g%s",
                        difference.differing(),
                        difference.rows(),
                        difference.firstRow(),
                        difference.largest(),
                        types);
    }

    private TensorRange range(TensorEntry entry) {
        return TensorRange.of(checkpoint.weights().header(entry.name()), entry);
    }
}
