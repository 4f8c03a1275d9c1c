package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/// Rotary position embedding in the half-split layout: channel j turns with channel j + D/2
/// (Su et al. 2021; transformers: `rotate_half`).
///
/// The frequencies stay float32 whatever the model's dtype; rounding them to bfloat16 moves low frequencies by percent.
public final class RotaryEmbedding {

    /// cos and sin of every position's angles, for whole heads: both halves turn by the same angles.
    ///
    /// @param cos [B or 1, S, 1, D], of the model's dtype
    /// @param sin as cos; negative in the first half, where the other half's share is subtracted
    public record Table(Tensor cos, Tensor sin) {

        /// @param cos [B or 1, S, 1, D/2]
        /// @param sin as cos
        static Table of(Tensor cos, Tensor sin) {
            return new Table(Ops.cat(-1, cos, cos), Ops.cat(-1, sin.neg(), sin));
        }
    }

    private final double theta;
    private final int headDim;
    private final int rotatedPairs;
    private final double factor;

    /// @param theta the base, `rope_theta`
    /// @param headDim D
    /// @param rotatedPairs how many of the D/2 channel pairs turn; the rest keep frequency 0
    /// @param factor divides every frequency; 1 for none
    public RotaryEmbedding(double theta, int headDim, int rotatedPairs, double factor) {
        this.theta = theta;
        this.headDim = headDim;
        this.rotatedPairs = rotatedPairs;
        this.factor = factor;
    }

    /// theta^(-2j/D) / factor for the pairs that turn, then zeros: [D/2] float32.
    public Tensor frequencies() {
        TensorOptions float32 = new TensorOptions(ScalarType.Float);
        Tensor exponents = torch.arange(new Scalar(0.0), new Scalar(2.0 * rotatedPairs), new Scalar(2.0), float32)
                .div(new Scalar((double) headDim));
        Tensor turning = torch.pow(new Scalar(theta), exponents).reciprocal().div(new Scalar(factor));
        int still = headDim / 2 - rotatedPairs;
        return still == 0 ? turning : Ops.cat(0, turning, Ops.zeros(Dtype.FLOAT32, still));
    }

    /// @param positions [rows × S], row by row
    /// @param rows B, or 1 when all rows share their positions
    public Table table(long[] positions, long rows, Dtype dtype) {
        Tensor p =
                HostTensors.of(positions, rows, positions.length / rows, 1, 1).to(ScalarType.Float);
        Tensor angles = p.mul(frequencies());
        return Table.of(Ops.cast(angles.cos(), dtype), Ops.cast(angles.sin(), dtype));
    }

    /// @param x [B, S, N, D]
    /// @return [B, S, N, D], of the table's dtype
    public static Tensor rotate(Tensor x, Table table) {
        Tensor turning = x.to(table.cos().scalar_type());
        if (!GradMode.is_enabled() || !turning.requires_grad()) {
            return turned(turning, table.cos(), table.sin());
        }
        Tensor y;
        try (NoGradGuard _ = new NoGradGuard()) {
            y = turned(turning, table.cos(), table.sin());
        }
        // A gradient turns back.
        AutogradFunction.Backward backward = (saved, dy) -> turned(dy.contiguous(), saved[0], saved[1].neg());
        return AutogradFunction.attach(turning, y, backward, table.cos(), table.sin());
    }

    /// x ⊙ cos + (x with its halves exchanged) ⊙ sin, each product rounded as the reference rounds it.
    private static Tensor turned(Tensor x, Tensor cos, Tensor sin) {
        Tensor exchanged = x.roll(new long[] {x.size(-1) / 2}, -1);
        return x.mul(cos).add_(exchanged.mul_(sin));
    }
}
