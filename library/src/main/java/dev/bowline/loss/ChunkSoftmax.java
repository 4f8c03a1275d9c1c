package dev.bowline.loss;

import dev.bowline.nn.KernelPolicy;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RowTiles;
import java.util.Arrays;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// Softcap, softmax and their gradient on a chunk of logits, in place.
///
/// Fused kernels work on tiles of a few rows in parallel, each small enough for the cache of a processor; plain
/// kernels work on the whole chunk. The softcap is computed in the logits' dtype and the softmax in float32, as
/// in transformers.
///
/// Shapes: n tokens, V vocabulary.
final class ChunkSoftmax {

    private static final long BLOCK_ELEMENTS = 1 << 18;

    private final KernelPolicy kernels;
    private final OptionalDouble softcap;

    ChunkSoftmax(KernelPolicy kernels, OptionalDouble softcap) {
        this.kernels = kernels;
        this.softcap = softcap;
    }

    /// @param z [n, V], replaced by the gradient of the sum of the losses with respect to it
    /// @param targets `[n]` int64
    /// @return the sum of the losses
    double lossAndGradient(Tensor z, Tensor targets) {
        return lossAndGradient(z, targets, 1);
    }

    /// @param z [n, V], replaced by the gradient of `weight` × the sum of the losses with respect to it
    /// @param targets `[n]` int64
    /// @return the sum of the losses, without `weight`
    double lossAndGradient(Tensor z, Tensor targets, double weight) {
        return blocks(z, targets, new Purpose.LossAndGradient(weight));
    }

    /// @param z [n, V], overwritten
    /// @param targets `[n]` int64
    /// @return the sum of the losses
    double loss(Tensor z, Tensor targets) {
        return blocks(z, targets, new Purpose.Loss());
    }

    private sealed interface Purpose {

        record Loss() implements Purpose {}

        /// @param weight the factor of the gradient, applied before the gradient is rounded
        record LossAndGradient(double weight) implements Purpose {}
    }

    private double blocks(Tensor z, Tensor targets, Purpose purpose) {
        return switch (kernels) {
            case FUSED_CPU -> tiles(z, targets, purpose);
            case LIBTORCH -> block(z, targets.unsqueeze(1), purpose);
        };
    }

    private double tiles(Tensor z, Tensor targets, Purpose purpose) {
        RowTiles blocks = RowTiles.of(z, BLOCK_ELEMENTS);
        double[] losses = new double[blocks.count()];
        blocks.forEach(each ->
                losses[each.index()] = block(each.of(z), each.of(targets).unsqueeze(1), purpose));
        return Arrays.stream(losses).sum();
    }

    private double block(Tensor z, Tensor target, Purpose purpose) {
        Tensor y = Ops.cast(capped(z), Dtype.FLOAT32);
        return switch (purpose) {
            case Purpose.Loss _ -> negativeLogLikelihood(y, target);
            case Purpose.LossAndGradient(double weight) -> {
                Tensor p = Ops.softmax(y, Dtype.FLOAT32);
                Tensor chosen = p.gather(1, target);
                // A probability this small has lost its digits.
                double loss = chosen.min().item_double() < Float.MIN_NORMAL
                        ? negativeLogLikelihood(y, target)
                        : -chosen.log().sum().item_double();
                gradient(z, p, target, weight);
                yield loss;
            }
        };
    }

    private static double negativeLogLikelihood(Tensor y, Tensor target) {
        return -torch.log_softmax(y, -1).gather(1, target).sum().item_double();
    }

    /// The logits after the softcap; the block then holds tanh(z / cap), which the gradient needs.
    private Tensor capped(Tensor block) {
        if (softcap.isEmpty()) {
            return block;
        }
        Scalar cap = new Scalar(softcap.getAsDouble());
        return block.div_(cap).tanh_().mul(cap);
    }

    private void gradient(Tensor block, Tensor p, Tensor target, double weight) {
        // dL/dy = softmax(y) - onehot
        Tensor dy = p.scatter_add_(1, target, Ops.newFull(target, Dtype.FLOAT32, -1, target.size(0), 1));
        if (weight != 1) {
            dy.mul_(new Scalar(weight));
        }
        if (softcap.isPresent()) {
            torch.tanh_backward_out(block, dy.to(block.scalar_type()), block);
        } else {
            block.copy_(dy);
        }
    }
}
