package dev.bowline.audit.evidence;

import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.RangeReader;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorBytes;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;

/// Rows of an untied input embedding that carried nothing, made anew: the head's row of the same token, scaled to the
/// root mean square of the healthy rows' norms. That is NeMo AutoModel's method; the values are made up, so only the
/// owner can ask for it.
///
/// @param rows the new rows' bytes, little-endian, by their number
/// @param norm the norm of each
public record RebuiltRows(SequencedMap<Long, byte[]> rows, double norm) {

    /// More than these are a damaged checkpoint.
    static final int MOST = 256;

    private static final double DEAD = 1e-6;

    /// Why the damaged rows of a checkpoint cannot be made anew; empty when they can.
    public static Optional<String> doubt(Subject subject) {
        DamagedRows.Found damaged = subject.scan().damaged();
        if (damaged.count() > MOST) {
            return Optional.of("%d damaged rows are more than %d: the checkpoint is damaged as a whole"
                    .formatted(damaged.count(), MOST));
        }
        if (subject.kind() != Kind.BOTH_DIFFER) {
            return Optional.of("there is no head with rows of its own to make them from");
        }
        PlacedTensor head = subject.pair().head().orElseThrow();
        if (ElementReader.of(head.entry().type()).isEmpty()) {
            return Optional.of("the head is not of a float type");
        }
        List<Long> dead = new ArrayList<>();
        try (Rows rows = new Rows(head)) {
            for (long row : damagedRows(subject)) {
                if (isDead(rows.norm(row))) {
                    dead.add(row);
                }
            }
        }
        return dead.isEmpty()
                ? Optional.empty()
                : Optional.of("rows %s of the head are zero or not finite too".formatted(dead));
    }

    /// @param subject without a [#doubt(Subject)]
    public static RebuiltRows of(Subject subject) {
        PlacedTensor embedding = subject.pair().embedding().orElseThrow();
        double norm = healthyNorm(embedding);
        SequencedMap<Long, byte[]> rebuilt = new TreeMap<>();
        try (Rows head = new Rows(subject.pair().head().orElseThrow())) {
            for (long row : damagedRows(subject)) {
                double scale = norm / head.norm(row);
                rebuilt.put(row, bytes(embedding.entry().type(), head.values(row), scale));
            }
        }
        return new RebuiltRows(rebuilt, norm);
    }

    /// All but a row of zeros for the padding token.
    private static List<Long> damagedRows(Subject subject) {
        try (Rows embedding = new Rows(subject.pair().embedding().orElseThrow())) {
            return subject.scan().damaged().rows().stream()
                    .filter(row -> !subject.paddingRows().contains(row) || !Double.isFinite(embedding.norm(row)))
                    .toList();
        }
    }

    private static double healthyNorm(PlacedTensor embedding) {
        double squares = 0;
        long healthy = 0;
        try (Rows rows = new Rows(embedding)) {
            for (long row = 0; row < embedding.entry().shape().getFirst(); row++) {
                double norm = rows.norm(row);
                if (!isDead(norm)) {
                    squares += norm * norm;
                    healthy++;
                }
            }
        }
        return Math.sqrt(squares / healthy);
    }

    private static boolean isDead(double norm) {
        return !Double.isFinite(norm) || norm <= DEAD;
    }

    private static byte[] bytes(SafetensorsType type, double[] values, double scale) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : values) {
            double scaled = value * scale;
            switch (type) {
                case F64 -> bytes.putDouble(scaled);
                case F32 -> bytes.putFloat((float) scaled);
                case F16 -> bytes.putShort(Float.floatToFloat16((float) scaled));
                case BF16 ->
                    bytes.putShort((short) (Float.floatToRawIntBits((float) ElementReader.BF16.round(scaled)) >>> 16));
                case I64, I32, I16, I8, U64, U32, U16, U8, BOOL, F8_E4M3, F8_E5M2 ->
                    throw new IllegalArgumentException("rows of " + type);
            }
        }
        return bytes.array();
    }

    /// The embedding's bytes with the new rows in their places.
    public TensorBytes in(MemorySegment embedding) {
        return sink -> {
            long position = 0;
            for (var row : rows.entrySet()) {
                long start = row.getKey() * row.getValue().length;
                sink.accept(embedding.asSlice(position, start - position));
                sink.accept(MemorySegment.ofArray(row.getValue()));
                position = start + row.getValue().length;
            }
            sink.accept(embedding.asSlice(position));
        };
    }

    /// The rows of one matrix of floats, each read when it is asked for.
    private static final class Rows implements AutoCloseable {

        private final ElementReader type;
        private final int width;
        private final RangeReader reader;

        Rows(PlacedTensor tensor) {
            type = ElementReader.of(tensor.entry().type()).orElseThrow();
            width = Math.toIntExact(tensor.entry().shape().get(1));
            reader = new RangeReader(tensor.range(), width * type.bytes());
        }

        double[] values(long row) {
            ByteBuffer bytes = reader.at(row * width * type.bytes()).next(width * type.bytes());
            double[] values = new double[width];
            for (int i = 0; i < width; i++) {
                values[i] = type.value(bytes, i * type.bytes());
            }
            return values;
        }

        double norm(long row) {
            double squares = 0;
            for (double value : values(row)) {
                squares += value * value;
            }
            return Math.sqrt(squares);
        }

        @Override
        public void close() {
            reader.close();
        }
    }
}
