package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.Optional;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
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
    private final HandWrittenGradient gradient = new HandWrittenGradient();

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
        if (!GradMode.is_enabled() || !x.requires_grad()) {
            return recorded(x);
        }
        Tensor y;
        Tensor scale;
        try (NoGradGuard _ = new NoGradGuard()) {
            Tensor x32 = Ops.cast(x, Dtype.FLOAT32);
            scale = scale(x32);
            y = weighted(x32.mul(scale)).to(x.scalar_type());
        }
        return gradient.attach(x, y, this::backward, x, scale);
    }

    /// By libtorch's own operations. It keeps the normed values for the backward pass, which [#backward] computes
    /// again.
    private Tensor recorded(Tensor x) {
        Tensor x32 = Ops.cast(x, Dtype.FLOAT32);
        return weighted(x32.mul(scale(x32))).to(x.scalar_type());
    }

    /// 1 / sqrt(mean(x^2) + epsilon): [..., 1]
    private Tensor scale(Tensor x32) {
        return x32.mul(x32)
                .mean(new long[] {-1}, true, new ScalarTypeOptional())
                .add(new Scalar(epsilon))
                .rsqrt();
    }

    private Tensor weighted(Tensor normed) {
        return weight.isPresent() ? normed.mul(Ops.cast(weight.get().tensor(), Dtype.FLOAT32)) : normed;
    }

    /// With n = x r, r the scale, and u = dL/dy ⊙ w: dL/dw = Σ dL/dy ⊙ n and dL/dx = r (u - n mean(u ⊙ n)).
    private Tensor backward(Tensor[] saved, Tensor dy) {
        Tensor x = saved[0];
        Tensor scale = saved[1];
        Tensor n = Ops.cast(x, Dtype.FLOAT32).mul(scale);
        Tensor dy32 = Ops.cast(dy, Dtype.FLOAT32);
        Tensor u = weighted(dy32);
        if (weight.isPresent() && weight.get().get().isTrained()) {
            Parameter parameter = weight.get().get();
            long width = x.size(-1);
            parameter.gradientBuffer().add_(dy32.mul(n).view(-1, width).sum(0));
        }
        Tensor mean = u.mul(n).mean(new long[] {-1}, true, new ScalarTypeOptional());
        return u.sub(n.mul_(mean)).mul_(scale).to(x.scalar_type());
    }
}
