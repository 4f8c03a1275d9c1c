package dev.bowline.nn;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// The curve between a feed-forward's projections, by its name in transformers' `ACT2FN`.
public enum Activation {
    /// x σ(x).
    SILU("silu"),
    /// GELU with the tanh approximation.
    GELU_TANH("gelu_pytorch_tanh");

    private final String configName;

    Activation(String configName) {
        this.configName = configName;
    }

    /// As `hidden_act` and `hidden_activation` of config.json spell it.
    public String configName() {
        return configName;
    }

    public Tensor apply(Tensor x) {
        return switch (this) {
            case SILU -> torch.silu(x);
            case GELU_TANH -> torch.gelu(x, "tanh");
        };
    }

    /// The gradient of [#apply] with respect to its input.
    ///
    /// @param dy the gradient of its result
    public Tensor gradient(Tensor dy, Tensor x) {
        return switch (this) {
            case SILU -> torch.silu_backward(dy, x);
            case GELU_TANH -> torch.gelu_backward(dy, x, "tanh");
        };
    }
}
