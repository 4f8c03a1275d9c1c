package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import java.lang.foreign.ValueLayout;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/// A rotary embedding of the first `width` channels of each head, in the half-split layout, with frequencies that
/// may be scaled for longer contexts. The frequencies are float32 for every dtype of the model: rounding them to
/// bfloat16 would change low frequencies by percent.
///
/// @param theta `rope_theta`
/// @param width D, the number of rotated channels; the others pass unchanged
public record Rope(double theta, int width, RopeScaling scaling) {

    /// @param positions [rows × S], row by row
    /// @param placement of the table; the angles are computed on the CPU in float32
    RotaryEmbedding.Table table(long[] positions, long rows, long length, Placement placement) {
        float[] frequencies = scaling.frequencies(this, length);
        Tensor f = HostTensors.of(frequencies, frequencies.length);
        Tensor p =
                HostTensors.of(positions, rows, positions.length / rows, 1, 1).to(ScalarType.Float);
        Tensor angles = p.mul(f);
        return RotaryEmbedding.Table.of(placement.of(scaled(angles.cos())), placement.of(scaled(angles.sin())));
    }

    private Tensor scaled(Tensor x) {
        return scaling.attentionFactor() == 1 ? x : Ops.times(x, scaling.attentionFactor());
    }

    /// (factor θ)^(2j/D) for j < D/2 in float32.
    float[] powers(double factor) {
        return powers(factor, width / 2);
    }

    /// (factor θ)^(2j/D) for j < `pairs` in float32.
    float[] powers(double factor, int pairs) {
        Tensor exponents =
                Ops.arange(Device.CPU, Dtype.FLOAT32, 0, 2.0 * pairs, 2).div(new Scalar((double) width));
        return HostTensors.bytes(torch.pow(new Scalar(theta * factor), exponents))
                .toArray(ValueLayout.JAVA_FLOAT);
    }

    /// Rotates the first D channels of each head.
    ///
    /// @param x [B, S, N, D'] with D' at least D
    /// @return [B, S, N, D'], of the table's dtype
    public Tensor rotate(KernelPolicy kernels, Tensor x, RotaryEmbedding.Table table) {
        long rest = x.size(-1) - width;
        if (rest == 0) {
            return RotaryEmbedding.rotate(kernels, x, table);
        }
        return Ops.cat(-1, RotaryEmbedding.rotate(kernels, x.narrow(-1, 0, width), table), x.narrow(-1, width, rest));
    }
}
