package dev.bowline.audit.evidence;

import dev.bowline.audit.evidence.PhysicalState.Cast;
import dev.bowline.audit.evidence.PhysicalState.Difference;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.PhysicalState.Slice;
import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.TensorComparison;
import dev.bowline.safetensors.TensorDifference;
import dev.bowline.safetensors.TensorEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// One pass over the bytes of the pair, each byte read once.
///
/// @param damaged rows of the input embedding that carry nothing
public record PairScan(PhysicalState state, DamagedRows.Found damaged) {

    public static PairScan of(TiePair pair) {
        if (pair.isQuantised()) {
            return new PairScan(PhysicalState.of(Kind.QUANTISED), DamagedRows.Found.NONE);
        }
        if (pair.head().isPresent() && pair.embedding().isPresent()) {
            return both(pair.head().get(), pair.embedding().get());
        }
        if (pair.embedding().isPresent()) {
            return new PairScan(
                    PhysicalState.of(Kind.EMBED_ONLY), damaged(pair.embedding().get()));
        }
        return new PairScan(
                PhysicalState.of(pair.head().isPresent() ? Kind.HEAD_ONLY : Kind.NEITHER), DamagedRows.Found.NONE);
    }

    /// True if two tensors of one type and shape have the same bytes; reading stops where they differ.
    public static boolean isSame(PlacedTensor a, PlacedTensor b) {
        return TensorComparison.isSame(a.range(), b.range());
    }

    private static PairScan both(PlacedTensor head, PlacedTensor embedding) {
        if (!head.entry().shape().equals(embedding.entry().shape())) {
            return new PairScan(sliced(head, embedding), damaged(embedding));
        }
        Damage damage = new Damage(embedding);
        TensorDifference difference = TensorComparison.of(head.range(), embedding.range(), damage.visitors());
        return new PairScan(state(head.entry(), embedding.entry(), difference), damage.found());
    }

    private static PhysicalState state(TensorEntry head, TensorEntry embedding, TensorDifference difference) {
        if (!difference.isNone()) {
            return PhysicalState.differing(new Difference(
                    difference.rows(),
                    difference.differing(),
                    difference.firstRow(),
                    difference.largest(),
                    difference.ulps(),
                    difference.sample()));
        }
        if (head.type() == embedding.type()) {
            return PhysicalState.of(Kind.BOTH_EQUAL);
        }
        Role wider = head.type().bytes() >= embedding.type().bytes() ? Role.HEAD : Role.EMBEDDING;
        return new PhysicalState(
                Kind.BOTH_EQUAL_AFTER_CAST,
                Optional.empty(),
                Optional.of(new Cast(wider, difference.exact())),
                Optional.empty());
    }

    private static PhysicalState sliced(PlacedTensor head, PlacedTensor embedding) {
        TensorEntry h = head.entry();
        TensorEntry e = embedding.entry();
        boolean oneWidth = h.type() == e.type()
                && h.shape().size() == 2
                && e.shape().size() == 2
                && h.shape().get(1).equals(e.shape().get(1));
        if (oneWidth && Math.min(h.bytes(), e.bytes()) > 0) {
            PlacedTensor shorter = h.bytes() < e.bytes() ? head : embedding;
            if (TensorComparison.startAlike(
                    head.range(), embedding.range(), shorter.entry().bytes())) {
                return new PhysicalState(
                        Kind.SLICE_EQUAL,
                        Optional.empty(),
                        Optional.empty(),
                        Optional.of(new Slice(
                                shorter == head ? Role.HEAD : Role.EMBEDDING,
                                shorter.entry().shape().getFirst())));
            }
        }
        return PhysicalState.of(Kind.SHAPE_MISMATCH);
    }

    static DamagedRows.Found damaged(PlacedTensor embedding) {
        Damage damage = new Damage(embedding);
        if (damage.type.isPresent()) {
            TensorComparison.rows(embedding.range(), damage.visitors());
        }
        return damage.found();
    }

    /// The damaged rows of one tensor, part by part.
    private static final class Damage {

        private final Optional<ElementReader> type;
        private final TensorEntry entry;
        private final List<DamagedRows> parts = new ArrayList<>();

        Damage(PlacedTensor tensor) {
            entry = tensor.entry();
            type = ElementReader.of(entry.type());
        }

        /// One that sees nothing for a type that is not of floats.
        Supplier<TensorComparison.Rows> visitors() {
            return () -> {
                if (type.isEmpty()) {
                    return (rows, first) -> {};
                }
                DamagedRows part = new DamagedRows(
                        type.get(), Math.toIntExact(entry.shape().get(1)));
                parts.add(part);
                return part;
            };
        }

        DamagedRows.Found found() {
            return parts.stream().map(DamagedRows::found).reduce(DamagedRows.Found.NONE, DamagedRows.Found::and);
        }
    }
}
