package dev.bowline.loss;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// Cross-entropy as transformers computes it: the logits of every position, and autograd through all of it.
///
/// Autograd computes every gradient, so tests compare [ChunkedCrossEntropy] with this class. It needs several
/// times [positions × vocabulary] in memory.
///
/// Shapes: B rows, S positions, H hidden size, V vocabulary.
public final class FullLogitsCrossEntropy implements CrossEntropy {

    /// The number that libtorch gives to the reduction `sum`.
    private static final int SUM = 2;

    private final Loss loss = Loss.autograd(FullLogitsCrossEntropy::sumOf);

    @Override
    public long logitRows(long tokens) {
        return tokens;
    }

    /// Autograd holds the product of the head, the three steps of the softcap, the softmax and two gradients
    /// at once, in float32. The count was measured.
    @Override
    public long bytesPerLogit(Dtype dtype) {
        return 7L * Dtype.FLOAT32.bytes();
    }

    @Override
    public double backward(LossInput input, double weight) {
        return loss.backward(input, weight);
    }

    @Override
    public double sum(LossInput input) {
        return loss.sum(input);
    }

    private static Tensor sumOf(LossInput input) {
        Targets targets = input.targets();
        Tensor logits = input.head().logits(input.hidden()); // [B, S, V]
        Tensor flat = Ops.cast(logits, Dtype.FLOAT32).view(-1, logits.size(-1));
        long[] labels = new long[Math.toIntExact(flat.size(0))];
        Arrays.fill(labels, Targets.IGNORED);
        for (int i = 0; i < targets.count(); i++) {
            labels[Math.toIntExact(targets.positions()[i])] = targets.tokens()[i];
        }
        return torch.cross_entropy_loss(
                flat,
                Device.of(flat).place(HostTensors.of(labels, labels.length)),
                new TensorOptional(),
                SUM,
                Targets.IGNORED,
                0);
    }
}
