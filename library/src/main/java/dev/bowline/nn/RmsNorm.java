package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.Optional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/// y = x / sqrt(mean(x^2) + epsilon) * w over the last dimension, computed in float32 and returned in x's dtype
/// (transformers: `Gemma4RMSNorm`, which multiplies by w itself and not by 1 + w).
public final class RmsNorm extends Layer {

    /// Whether the norm has a weight, or only divides.
    public enum Scale {
        /// Times w.
        LEARNED,
        /// Times 1 + w, with w around 0 (transformers: `Gemma2RMSNorm`, `Gemma3RMSNorm`).
        LEARNED_AROUND_ONE,
        /// Only divides.
        NONE
    }

    private final Optional<Slot> weight;
    private final Scale scale;
    private final double epsilon;

    public RmsNorm(String path, long width, double epsilon, Scale scale) {
        super(path);
        this.scale = scale;
        this.epsilon = epsilon;
        this.weight = switch (scale) {
            case LEARNED, LEARNED_AROUND_ONE -> Optional.of(weight("weight", width));
            case NONE -> Optional.empty();
        };
    }

    public RmsNorm(String path, long width, double epsilon) {
        this(path, width, epsilon, Scale.LEARNED);
    }

    public Optional<Slot> weight() {
        return weight;
    }

    /// @param x [..., D]
    /// @return [..., D], of x's dtype
    public Tensor forward(Tensor x) {
        Tensor x32 = Ops.cast(x, Dtype.FLOAT32);
        Tensor meanSquare = x32.mul(x32).mean(new long[] {-1}, true, new ScalarTypeOptional());
        Tensor y = x32.mul(meanSquare.add(new Scalar(epsilon)).rsqrt());
        if (weight.isPresent()) {
            Tensor w = Ops.cast(weight.get().tensor(), Dtype.FLOAT32);
            y = y.mul(scale == Scale.LEARNED_AROUND_ONE ? w.add(new Scalar(1.0)) : w);
        }
        return y.to(x.scalar_type());
    }
}
