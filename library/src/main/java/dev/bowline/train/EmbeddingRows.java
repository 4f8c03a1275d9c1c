package dev.bowline.train;

import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointMapping;
import dev.bowline.model.LanguageModel;
import dev.bowline.safetensors.ElementReader;
import dev.bowline.safetensors.TensorEntry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/// The rows of the input embedding in a checkpoint's files. Only the rows asked for are read.
final class EmbeddingRows {

    /// The norm up to which a row carries nothing that training could tell from zero.
    private static final double DEAD = 1e-6;

    private EmbeddingRows() {}

    /// The ids among `ids` whose rows are zero or not finite. A quantised embedding, and one that is stored in parts,
    /// is not examined.
    static Set<Integer> dead(Checkpoint checkpoint, LanguageModel model, Set<Integer> ids) {
        Set<Integer> dead = new HashSet<>();
        Optional<String> key = CheckpointMapping.of(checkpoint, model)
                .key(model.inputEmbedding().path());
        Optional<TensorEntry> entry = key.map(checkpoint::entry);
        Optional<ElementReader> reader = entry.flatMap(found -> ElementReader.of(found.type()));
        if (reader.isEmpty()) {
            return dead;
        }
        TensorEntry table = entry.orElseThrow();
        int width = Math.toIntExact(table.shape().getLast());
        long rowBytes = (long) width * reader.get().bytes();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment row = arena.allocate(rowBytes);
            ByteBuffer bytes = row.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
            for (int id : ids) {
                if (id < table.shape().getFirst()) {
                    checkpoint.copy(table.name(), id * rowBytes, row);
                    if (isDead(reader.get(), bytes, width)) {
                        dead.add(id);
                    }
                }
            }
        }
        return dead;
    }

    private static boolean isDead(ElementReader reader, ByteBuffer row, int width) {
        double squares = 0;
        for (int i = 0; i < width; i++) {
            double value = reader.value(row, i * reader.bytes());
            squares += value * value;
        }
        return !(squares > DEAD * DEAD) || Double.isInfinite(squares);
    }
}
