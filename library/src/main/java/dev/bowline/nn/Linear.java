package dev.bowline.nn;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// y = x W^T + b. The weight is stored [out, in], as in PyTorch.
public final class Linear extends Layer {

    /// Whether a bias is added.
    public enum Bias {
        NONE,
        PRESENT
    }

    private final Slot weight;
    private final Optional<Slot> bias;

    public Linear(String path, long in, long out, Bias bias) {
        super(path);
        weight = weight("weight", out, in);
        this.bias = switch (bias) {
            case NONE -> Optional.empty();
            case PRESENT -> Optional.of(weight("bias", out));
        };
    }

    public Linear(String path, long in, long out) {
        this(path, in, out, Bias.NONE);
    }

    public Slot weight() {
        return weight;
    }

    public Optional<Slot> bias() {
        return bias;
    }

    /// Adds what this layer contributes to the gradients of its weight and bias, where they are trained.
    ///
    /// @param dy the gradient of its result, [N, out]
    /// @param x its input, [N, in]
    void addGradient(Tensor dy, Tensor x) {
        if (weight.get().isTrained()) {
            weight.get().addToGradient(dy.t(), x, 1);
        }
        bias.map(Slot::get)
                .filter(Parameter::isTrained)
                .ifPresent(parameter -> parameter.gradientBuffer().add_(dy.sum(0)));
    }

    /// @param x [..., in]
    /// @return [..., out]
    public Tensor forward(Tensor x) {
        return bias.isPresent()
                ? torch.linear(x, weight.tensor(), bias.get().tensor())
                : torch.linear(x, weight.tensor());
    }
}
