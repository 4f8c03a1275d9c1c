package dev.bowline.parity;

import dev.bowline.fixtures.Golden;
import dev.bowline.loss.Targets;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.HostTensors;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;

/// One batch of a fixture as the model takes it.
///
/// Shapes: B rows, S positions.
///
/// @param ids [B × S]
/// @param labels [B × S], each position's own token, or [Targets#IGNORED]; the target of a position is the next label
/// @param real the positions whose logits mean something, in rows laid end to end
record TokenRows(int rows, int length, long[] ids, long[] labels, Sequences sequences, long[] real) {

    /// Rows padded on the right, with an attention mask.
    static TokenRows padded(Golden reference) {
        long[] ids = reference.longs("input_ids");
        long[] mask = reference.longs("attention_mask");
        int rows = (int) reference.shape("input_ids")[0];
        long[] labels = ids.clone();
        for (int i = 0; i < ids.length; i++) {
            labels[i] = mask[i] == 0 ? Targets.IGNORED : ids[i];
        }
        long[] real = positions(ids.length).filter(i -> mask[(int) i] != 0).toArray();
        int length = ids.length / rows;
        return new TokenRows(rows, length, ids, labels, Sequences.padded(mask, rows, length), real);
    }

    /// Whole rows without a mask.
    static TokenRows unpadded(Golden reference) {
        long[] ids = reference.longs("unpadded.input_ids");
        int rows = (int) reference.shape("unpadded.input_ids")[0];
        int length = ids.length / rows;
        long[] real = positions(ids.length).toArray();
        return new TokenRows(rows, length, ids, ids.clone(), Sequences.causal(rows, length), real);
    }

    /// Several documents in a row; a position of 0 begins one.
    static TokenRows packed(Golden reference) {
        long[] ids = reference.longs("packed.input_ids");
        int rows = (int) reference.shape("packed.input_ids")[0];
        int[] positions = Arrays.stream(reference.longs("packed.position_ids"))
                .mapToInt(Math::toIntExact)
                .toArray();
        int[] documents = new int[positions.length];
        for (int i = 1; i < positions.length; i++) {
            documents[i] = documents[i - 1] + (positions[i] == 0 ? 1 : 0);
        }
        int length = ids.length / rows;
        Sequences sequences = Sequences.packed(documents, positions, rows, length);
        long[] labels = reference.longs("packed.labels");
        return new TokenRows(
                rows, length, ids, labels, sequences, positions(ids.length).toArray());
    }

    private static LongStream positions(int count) {
        return LongStream.range(0, count);
    }

    /// [B, S] int64.
    Tensor tensor() {
        return HostTensors.of(ids, rows, length);
    }

    Targets targets() {
        long[] next = new long[labels.length];
        for (int i = 0; i < labels.length; i++) {
            next[i] = (i + 1) % length == 0 ? Targets.IGNORED : labels[i + 1];
        }
        return Targets.of(next);
    }

    /// The real positions' rows of `logits`.
    ///
    /// @param logits [B, S, V]
    /// @return [real, V]
    Tensor realOf(Tensor logits) {
        return logits.reshape(-1, logits.size(-1)).index_select(0, HostTensors.of(real, real.length));
    }
}
