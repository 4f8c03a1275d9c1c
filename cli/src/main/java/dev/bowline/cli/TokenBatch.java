package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Sequences;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.TensorEntry;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/// The token ids that `logits` is asked about.
///
/// @param ids [B × S], row after row
/// @param mask [B × S], 1 for a token and 0 for padding
record TokenBatch(Path source, int rows, int length, long[] ids, long[] mask) {

    private static final String IDS = "input_ids";
    private static final String MASK = "attention_mask";

    static TokenBatch read(Path file) {
        try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
            if (!tensors.entries().containsKey(IDS)) {
                throw new BowlineException(
                        "%s has no tensor '%s'; it holds %s"
                                .formatted(file, IDS, tensors.entries().keySet()),
                        "write the token ids as '%s' [rows, positions], int64".formatted(IDS));
            }
            List<Long> shape = tensors.entry(IDS).shape();
            if (shape.size() != 2) {
                throw new BowlineException(
                        "%s: %s has shape %s".formatted(file, IDS, shape), "write it as [rows, positions]");
            }
            if (tensors.entry(IDS).elements() == 0) {
                throw new BowlineException(
                        "%s: %s has shape %s, which is no token at all".formatted(file, IDS, shape),
                        "give at least one row of one token");
            }
            long[] ids = longs(file, tensors, IDS);
            long[] mask = new long[ids.length];
            Arrays.fill(mask, 1);
            if (tensors.entries().containsKey(MASK)) {
                if (!tensors.entry(MASK).shape().equals(shape)) {
                    throw new BowlineException(
                            "%s: %s has shape %s and %s has %s"
                                    .formatted(
                                            file,
                                            IDS,
                                            shape,
                                            MASK,
                                            tensors.entry(MASK).shape()),
                            "give both the same shape");
                }
                mask = longs(file, tensors, MASK);
                requireZerosAndOnes(file, mask, Math.toIntExact(shape.get(1)));
            }
            return new TokenBatch(file, Math.toIntExact(shape.get(0)), Math.toIntExact(shape.get(1)), ids, mask);
        }
    }

    private static void requireZerosAndOnes(Path file, long[] mask, int length) {
        for (int i = 0; i < mask.length; i++) {
            if (mask[i] != 0 && mask[i] != 1) {
                throw new BowlineException(
                        "%s: %s[%d, %d] is %d".formatted(file, MASK, i / length, i % length, mask[i]),
                        "write 1 for a token and 0 for padding");
            }
        }
    }

    private static long[] longs(Path file, SafetensorsFile tensors, String name) {
        TensorEntry entry = tensors.entry(name);
        MemorySegment bytes = tensors.bytes(name);
        return switch (entry.type()) {
            case I64 -> bytes.toArray(ValueLayout.JAVA_LONG_UNALIGNED);
            case I32 ->
                Arrays.stream(bytes.toArray(ValueLayout.JAVA_INT_UNALIGNED))
                        .asLongStream()
                        .toArray();
            case U8, BOOL -> {
                byte[] values = bytes.toArray(ValueLayout.JAVA_BYTE);
                long[] wide = new long[values.length];
                Arrays.setAll(wide, i -> Byte.toUnsignedLong(values[i]));
                yield wide;
            }
            case F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I16, I8, U64, U32, U16 ->
                throw new BowlineException(
                        "%s: %s is stored as %s".formatted(file, name, entry.type()), "write it as int64");
        };
    }

    /// Refuses ids the model has no embedding for, and rows longer than it has positions.
    void requireFits(LanguageModel model) {
        if (length > model.maxPositions()) {
            throw new BowlineException(
                    "%s: rows of %d ids, but the model has %d positions"
                            .formatted(source, length, model.maxPositions()),
                    "give shorter rows");
        }
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= model.vocabularySize()) {
                throw new BowlineException(
                        "%s: %s[%d, %d] is %d, but the vocabulary has %d tokens"
                                .formatted(source, IDS, i / length, i % length, ids[i], model.vocabularySize()),
                        "use the tokenizer that belongs to the checkpoint");
            }
        }
    }

    Sequences sequences() {
        return Arrays.stream(mask).allMatch(value -> value != 0)
                ? Sequences.causal(rows, length)
                : Sequences.padded(mask, rows, length);
    }

    /// Each position's next token, where that is not padding.
    Targets targets() {
        long[] labels = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            boolean last = i % length == length - 1;
            labels[i] = last || mask[i + 1] == 0 ? Targets.IGNORED : ids[i + 1];
        }
        Targets targets = Targets.of(labels);
        if (targets.count() == 0) {
            throw new BowlineException(
                    "%s: no position has a next token that is not padding".formatted(source),
                    "give at least two tokens in a row, or leave out --grads");
        }
        return targets;
    }
}
