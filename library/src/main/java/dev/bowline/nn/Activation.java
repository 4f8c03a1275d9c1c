package dev.bowline.nn;

import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// The activation function of a feed-forward, by its name in transformers' `ACT2FN`.
public enum Activation {
    /// x σ(x).
    SILU("silu", "swish"),
    /// GELU with the tanh approximation.
    GELU_TANH("gelu_pytorch_tanh"),
    /// x Φ(x).
    GELU("gelu"),
    /// max(x, 0).
    RELU("relu");

    private final List<String> configNames;

    Activation(String... configNames) {
        this.configNames = List.of(configNames);
    }

    /// The spellings in `hidden_act` and `hidden_activation` of config.json, the most common one first.
    public List<String> configNames() {
        return configNames;
    }

    public Tensor apply(Tensor x) {
        return switch (this) {
            case SILU -> torch.silu(x);
            case GELU_TANH -> torch.gelu(x, "tanh");
            case GELU -> torch.gelu(x);
            case RELU -> torch.relu(x);
        };
    }

    /// The gradient of [#apply] with respect to its input.
    ///
    /// @param dy the gradient of the result of [#apply]
    public Tensor gradient(Tensor dy, Tensor x) {
        return switch (this) {
            case SILU -> torch.silu_backward(dy, x);
            case GELU_TANH -> torch.gelu_backward(dy, x, "tanh");
            case GELU -> torch.gelu_backward(dy, x);
            case RELU -> torch.threshold_backward(dy, x, new Scalar(0.0));
        };
    }
}
