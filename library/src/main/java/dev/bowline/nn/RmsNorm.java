package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.Optional;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/// y = x / sqrt(mean(x^2) + epsilon) * w over the last dimension, computed in float32 and returned in x's dtype.
/// Families differ in what w is, and in whether x is rounded to its dtype before it is multiplied by w.
public final class RmsNorm extends Layer {

    /// Whether the norm has a weight, or only divides.
    public enum Scale {
        /// Times w, rounded once (transformers: `Gemma4RMSNorm`).
        LEARNED,
        /// Times w in x's dtype, after a first rounding to it (transformers: `LlamaRMSNorm` and most others). In
        /// float32 the same as the one above.
        LEARNED_AFTER_ROUNDING,
        /// Times 1 + w, with w around 0 (transformers: `Gemma2RMSNorm`, `Gemma3RMSNorm`).
        LEARNED_AROUND_ONE,
        /// Only divides.
        NONE
    }

    private final Optional<Slot> weight;
    private final Scale scale;
    private final double epsilon;
    private final HandWrittenGradient gradient = new HandWrittenGradient();

    public RmsNorm(String path, long width, double epsilon, Scale scale) {
        super(path);
        this.scale = scale;
        this.epsilon = epsilon;
        this.weight = switch (scale) {
            case LEARNED, LEARNED_AFTER_ROUNDING, LEARNED_AROUND_ONE -> Optional.of(weight("weight", width));
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
        Tensor reciprocal;
        try (NoGradGuard _ = new NoGradGuard()) {
            Tensor x32 = Ops.cast(x, Dtype.FLOAT32);
            reciprocal = reciprocalRoot(x32);
            y = weighted(rounded(x32.mul(reciprocal), x)).to(x.scalar_type());
        }
        return gradient.attach(x, y, this::backward, x, reciprocal);
    }

    /// By libtorch's own operations. It keeps the normed values for the backward pass, which [#backward] computes
    /// again.
    private Tensor recorded(Tensor x) {
        Tensor x32 = Ops.cast(x, Dtype.FLOAT32);
        return weighted(rounded(x32.mul(reciprocalRoot(x32)), x)).to(x.scalar_type());
    }

    /// What is multiplied by the weight: n in float32, or rounded to x's dtype.
    private Tensor rounded(Tensor n, Tensor x) {
        return scale == Scale.LEARNED_AFTER_ROUNDING ? n.to(x.scalar_type()) : n;
    }

    /// 1 / sqrt(mean(x^2) + epsilon): [..., 1]
    private Tensor reciprocalRoot(Tensor x32) {
        return x32.mul(x32)
                .mean(new long[] {-1}, true, new ScalarTypeOptional())
                .add(new Scalar(epsilon))
                .rsqrt();
    }

    private Tensor weighted(Tensor normed) {
        return switch (scale) {
            case NONE -> normed;
            case LEARNED -> normed.mul(weightIn(Dtype.FLOAT32));
            case LEARNED_AROUND_ONE -> normed.mul(weightIn(Dtype.FLOAT32).add(new Scalar(1.0)));
            case LEARNED_AFTER_ROUNDING -> normed.mul(weightIn(Dtype.of(normed.scalar_type())));
        };
    }

    private Tensor weightIn(Dtype dtype) {
        return Ops.cast(weight.orElseThrow().tensor(), dtype);
    }

    /// With n = x r, r as above, and u = dL/dy ⊙ w: dL/dw = Σ dL/dy ⊙ n and dL/dx = r (u - n mean(u ⊙ n)). Where the
    /// forward pass multiplies in x's dtype, so do u and the terms of dL/dw, as in transformers.
    private Tensor backward(Tensor[] saved, Tensor dy) {
        Tensor x = saved[0];
        Tensor r = saved[1];
        Tensor n = Ops.cast(x, Dtype.FLOAT32).mul(r);
        Tensor g = scale == Scale.LEARNED_AFTER_ROUNDING ? dy : Ops.cast(dy, Dtype.FLOAT32);
        if (weight.isPresent() && weight.get().get().isTrained()) {
            Parameter parameter = weight.get().get();
            long width = x.size(-1);
            parameter.gradientBuffer().add_(g.mul(rounded(n, x)).view(-1, width).sum(0));
        }
        Tensor u = Ops.cast(weighted(g), Dtype.FLOAT32);
        Tensor mean = u.mul(n).mean(new long[] {-1}, true, new ScalarTypeOptional());
        return u.sub(n.mul_(mean)).mul_(r).to(x.scalar_type());
    }
}
