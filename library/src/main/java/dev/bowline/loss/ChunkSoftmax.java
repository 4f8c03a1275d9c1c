package dev.bowline.loss;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// Softcap, softmax and their gradient on a chunk of logits, in place.
///
/// It works on a few rows at a time, small enough that the passes over them stay in the processor's cache. The softcap
/// is computed in the logits' dtype and the softmax in float32, as the reference does.
///
/// Shapes: n tokens, V vocabulary.
final class ChunkSoftmax {

    private static final long BLOCK_ELEMENTS = 1 << 19;

    private final OptionalDouble softcap;

    ChunkSoftmax(OptionalDouble softcap) {
        this.softcap = softcap;
    }

    /// @param z [n, V], replaced by the gradient of the sum of the losses with respect to it
    /// @param targets [n] int64
    /// @return the sum of the losses
    double lossAndGradient(Tensor z, Tensor targets) {
        return blocks(z, targets, Purpose.LOSS_AND_GRADIENT);
    }

    /// @param z [n, V], overwritten
    /// @param targets [n] int64
    /// @return the sum of the losses
    double loss(Tensor z, Tensor targets) {
        return blocks(z, targets, Purpose.LOSS);
    }

    private enum Purpose {
        LOSS,
        LOSS_AND_GRADIENT
    }

    private double blocks(Tensor z, Tensor targets, Purpose purpose) {
        long tokens = z.size(0);
        long rows = Math.max(1, BLOCK_ELEMENTS / z.size(1));
        double sum = 0;
        for (long at = 0; at < tokens; at += rows) {
            try (var _ = TensorScope.open()) {
                long n = Math.min(rows, tokens - at);
                Tensor block = z.narrow(0, at, n);
                Tensor target = targets.narrow(0, at, n).unsqueeze(1);
                Tensor logProbability = torch.log_softmax(Ops.cast(capped(block), Dtype.FLOAT32), -1);
                sum -= logProbability.gather(1, target).sum().item_double();
                switch (purpose) {
                    case LOSS -> {}
                    case LOSS_AND_GRADIENT -> gradient(block, logProbability, target);
                }
            }
        }
        return sum;
    }

    /// The logits after the softcap; the block then holds tanh(z / cap), which the gradient needs.
    private Tensor capped(Tensor block) {
        if (softcap.isEmpty()) {
            return block;
        }
        Scalar cap = new Scalar(softcap.getAsDouble());
        return block.div_(cap).tanh_().mul(cap);
    }

    private void gradient(Tensor block, Tensor logProbability, Tensor target) {
        // dL/dy = softmax(y) - onehot
        Tensor dy = logProbability.exp_();
        dy.scatter_add_(1, target, Ops.full(Dtype.FLOAT32, -1, target.size(0), 1));
        if (softcap.isPresent()) {
            torch.tanh_backward_out(block, dy.to(block.scalar_type()), block);
        } else {
            block.copy_(dy);
        }
    }
}
