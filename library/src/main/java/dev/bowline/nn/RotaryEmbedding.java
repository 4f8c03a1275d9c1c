package dev.bowline.nn;

import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Rotates queries and keys in the half-split layout: channel j rotates with channel j + D/2
/// (Su et al. 2021; transformers: `rotate_half`).
public final class RotaryEmbedding {

    /// cos and sin of every position's angles, for whole heads: both halves rotate by the same angles.
    ///
    /// @param cos [B or 1, S, 1, D], of the model's dtype
    /// @param sin shaped like cos; negated in the first half of the channels
    public record Table(Tensor cos, Tensor sin) {

        /// @param cos [B or 1, S, 1, D/2]
        /// @param sin as cos
        static Table of(Tensor cos, Tensor sin) {
            return new Table(Ops.cat(-1, cos, cos), Ops.cat(-1, sin.neg(), sin));
        }
    }

    private RotaryEmbedding() {}

    /// @param x [B, S, N, D]
    /// @return [B, S, N, D], of the table's dtype
    public static Tensor rotate(KernelPolicy kernels, Tensor x, Table table) {
        Tensor cast = x.to(table.cos().scalar_type());
        return switch (kernels) {
            case FUSED_CPU -> fused(cast, table);
            case LIBTORCH -> rotated(cast, table.cos(), table.sin());
        };
    }

    /// The graph keeps cos and sin, not the products with them.
    private static Tensor fused(Tensor x, Table table) {
        if (!GradMode.is_enabled() || !x.requires_grad()) {
            return rotated(x, table.cos(), table.sin());
        }
        Tensor y;
        try (NoGradGuard _ = new NoGradGuard()) {
            y = rotated(x, table.cos(), table.sin());
        }
        // The gradient is rotated by the opposite angle.
        AutogradFunction.Backward backward = (saved, dy) -> rotated(dy.contiguous(), saved[0], saved[1].neg());
        return AutogradFunction.attach(x, y, backward, table.cos(), table.sin());
    }

    /// x ⊙ cos + (x with its halves exchanged) ⊙ sin, each product rounded as in transformers.
    private static Tensor rotated(Tensor x, Tensor cos, Tensor sin) {
        Tensor exchanged = x.roll(new long[] {x.size(-1) / 2}, -1);
        return x.mul(cos).add_(exchanged.mul_(sin));
    }
}
