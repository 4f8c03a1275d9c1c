package dev.bowline.audit;

import dev.bowline.audit.PhysicalState.Cast;
import dev.bowline.audit.PhysicalState.Kind;
import dev.bowline.audit.PhysicalState.Slice;
import dev.bowline.safetensors.TensorEntry;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/// One pass over the bytes of the pair, each byte read once.
///
/// @param damaged rows of the input embedding that carry nothing
record PairScan(PhysicalState state, DamagedRows.Found damaged) {

    private static final int CHUNK_BYTES = 1 << 20;
    private static final int LARGEST_ROW_BYTES = 16 << 20;

    static PairScan of(TiePair pair) {
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

    private static PairScan both(PlacedTensor head, PlacedTensor embedding) {
        TensorEntry h = head.entry();
        TensorEntry e = embedding.entry();
        if (!h.shape().equals(e.shape())) {
            return new PairScan(sliced(head, embedding), damaged(embedding));
        }
        if (h.type() == e.type()) {
            return same(head, embedding);
        }
        Optional<ElementReader> x = ElementReader.of(h.type());
        Optional<ElementReader> y = ElementReader.of(e.type());
        if (x.isPresent() && y.isPresent() && rowBytes(h) > 0) {
            return new PairScan(cast(head, x.get(), embedding, y.get()), damaged(embedding));
        }
        RowDifference difference = new RowDifference(Optional.empty(), Optional.empty());
        difference.count(0);
        return new PairScan(PhysicalState.differing(difference.result(rows(e))), DamagedRows.Found.NONE);
    }

    /// Whether two tensors of one type and shape have the same bytes; reading stops at the first that differs.
    static boolean isSame(PlacedTensor a, PlacedTensor b) {
        if (a.entry().type() != b.entry().type()
                || !a.entry().shape().equals(b.entry().shape())) {
            return false;
        }
        return startsAlike(a, b, a.entry().bytes());
    }

    private static boolean startsAlike(PlacedTensor a, PlacedTensor b, long bytes) {
        try (RangeReader x = new RangeReader(a, CHUNK_BYTES);
                RangeReader y = new RangeReader(b, CHUNK_BYTES)) {
            for (long done = 0; done < bytes; done += CHUNK_BYTES) {
                int length = (int) Math.min(CHUNK_BYTES, bytes - done);
                if (x.next(length).mismatch(y.next(length)) >= 0) {
                    return false;
                }
            }
        }
        return true;
    }

    private static PairScan same(PlacedTensor head, PlacedTensor embedding) {
        TensorEntry entry = head.entry();
        Optional<ElementReader> type = ElementReader.of(entry.type());
        Optional<DamagedRows> damage = damageOf(entry);
        RowDifference difference = new RowDifference(type, type);
        int rowBytes = rowBytes(entry) > 0 ? rowBytes(entry) : 1;
        int chunk = chunk(rowBytes);
        boolean isSame = true;
        try (RangeReader x = new RangeReader(head, chunk);
                RangeReader y = new RangeReader(embedding, chunk)) {
            for (long row = 0; y.remaining() > 0; row += chunk / rowBytes) {
                int length = (int) Math.min(chunk, y.remaining());
                ByteBuffer a = x.next(length);
                ByteBuffer b = y.next(length);
                if (a.mismatch(b) >= 0) {
                    isSame = false;
                    if (rowBytes == 1) {
                        difference.count(0);
                        break;
                    }
                    difference.accept(a, b, row, rowBytes);
                }
                if (damage.isPresent()) {
                    damage.get().accept(b, row);
                }
            }
        }
        PhysicalState state =
                isSame ? PhysicalState.of(Kind.BOTH_EQUAL) : PhysicalState.differing(difference.result(rows(entry)));
        return new PairScan(state, damage.map(DamagedRows::found).orElse(DamagedRows.Found.NONE));
    }

    /// Two float types: equal when the wider, cast to the narrower, is the narrower.
    private static PhysicalState cast(PlacedTensor head, ElementReader x, PlacedTensor embedding, ElementReader y) {
        TensorEntry entry = head.entry();
        int width = Math.toIntExact(entry.shape().get(1));
        boolean headIsWider = x.bytes() >= y.bytes();
        ElementReader narrow = headIsWider ? y : x;
        RowDifference difference = new RowDifference(Optional.of(x), Optional.of(y));
        boolean exact = true;
        long rows = rows(entry);
        int perChunk = Math.max(1, CHUNK_BYTES / (width * Math.max(x.bytes(), y.bytes())));
        try (RangeReader heads = new RangeReader(head, perChunk * width * x.bytes());
                RangeReader embeddings = new RangeReader(embedding, perChunk * width * y.bytes())) {
            for (long row = 0; row < rows; row += perChunk) {
                int count = (int) Math.min(perChunk, rows - row);
                ByteBuffer a = heads.next(count * width * x.bytes());
                ByteBuffer b = embeddings.next(count * width * y.bytes());
                for (int r = 0; r < count; r++) {
                    boolean differs = false;
                    for (int i = r * width; i < (r + 1) * width; i++) {
                        double h = x.value(a, i * x.bytes());
                        double e = y.value(b, i * y.bytes());
                        exact &= h == e;
                        if (narrow.round(headIsWider ? h : e) != (headIsWider ? e : h)) {
                            differs = true;
                            difference.measure(h, e);
                        }
                    }
                    if (differs) {
                        difference.count(row + r);
                    }
                }
            }
        }
        PhysicalState.Difference result = difference.result(rows);
        return result.differing() > 0
                ? PhysicalState.differing(result)
                : new PhysicalState(
                        Kind.BOTH_EQUAL_AFTER_CAST,
                        Optional.empty(),
                        Optional.of(new Cast(headIsWider ? Role.HEAD : Role.EMBEDDING, exact)),
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
            if (startsAlike(head, embedding, shorter.entry().bytes())) {
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
        Optional<DamagedRows> damage = damageOf(embedding.entry());
        if (damage.isEmpty()) {
            return DamagedRows.Found.NONE;
        }
        int rowBytes = rowBytes(embedding.entry());
        int chunk = chunk(rowBytes);
        try (RangeReader reader = new RangeReader(embedding, chunk)) {
            for (long row = 0; reader.remaining() > 0; row += chunk / rowBytes) {
                damage.get().accept(reader.next((int) Math.min(chunk, reader.remaining())), row);
            }
        }
        return damage.get().found();
    }

    private static Optional<DamagedRows> damageOf(TensorEntry entry) {
        return rowBytes(entry) == 0
                ? Optional.empty()
                : ElementReader.of(entry.type())
                        .map(type -> new DamagedRows(
                                type, Math.toIntExact(entry.shape().get(1))));
    }

    private static int chunk(int rowBytes) {
        return Math.max(1, CHUNK_BYTES / rowBytes) * rowBytes;
    }

    /// 0 for what is not a matrix with rows that fit memory.
    private static int rowBytes(TensorEntry entry) {
        List<Long> shape = entry.shape();
        if (shape.size() != 2 || entry.bytes() == 0) {
            return 0;
        }
        long bytes = entry.bytes() / shape.getFirst();
        return bytes > LARGEST_ROW_BYTES ? 0 : (int) bytes;
    }

    private static long rows(TensorEntry entry) {
        return entry.shape().isEmpty() ? 1 : entry.shape().getFirst();
    }
}
