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
        LEARNED,
        NONE
    }

    private final Optional<Slot> weight;
    private final double epsilon;

    public RmsNorm(String path, long width, double epsilon, Scale scale) {
        super(path);
        this.epsilon = epsilon;
        this.weight = switch (scale) {
            case LEARNED -> Optional.of(weight("weight", width));
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
            y = y.mul(Ops.cast(weight.get().tensor(), Dtype.FLOAT32));
        }
        return y.to(x.scalar_type());
    }
}
