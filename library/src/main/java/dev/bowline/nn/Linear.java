package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Shapes;
import java.util.Optional;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
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
        if (weight.get().requiresGrad()) {
            weight.get().addToGradient(dy.t(), x, 1);
        }
        bias.map(Slot::get)
                .filter(Parameter::requiresGrad)
                .ifPresent(parameter -> parameter.gradientBuffer().add_(dy.sum(0)));
    }

    /// @param x [..., in]
    /// @return [..., out]
    public Tensor forward(Tensor x) {
        boolean recorded = GradMode.is_enabled() && (x.requires_grad() || requiresGrad());
        if (recorded && !MatMul.isDirect(Dtype.of(x.scalar_type()))) {
            return recorded(x);
        }
        // A bias is added before the result is rounded.
        TensorOptional added =
                bias.map(slot -> new TensorOptional(slot.tensor())).orElseGet(TensorOptional::new);
        return recorded ? torch.linear(x, weight.tensor(), added) : MatMul.linear(x, weight.tensor(), added);
    }

    private boolean requiresGrad() {
        return weight.get().requiresGrad()
                || bias.map(Slot::get).filter(Parameter::requiresGrad).isPresent();
    }

    /// MatMul that autograd does not know. They lead from [N, in] to [N, out], so both are laid into [N, W] with
    /// W the larger of the two.
    Tensor recorded(Tensor x) {
        Tensor rows = AutogradFunction.requiring(x).reshape(-1, x.size(-1));
        long in = rows.size(1);
        long out = weight.get().shape()[0];
        Tensor inputs = in < out ? torch.constant_pad_nd(rows, new long[] {0, out - in}) : rows;
        Tensor joined;
        try (NoGradGuard _ = new NoGradGuard()) {
            joined = torch.zeros_like(inputs);
            Tensor y = joined.narrow(1, 0, out);
            bias.ifPresent(slot -> y.copy_(slot.tensor()));
            MatMul.add(y, rows.detach(), weight.tensor().t(), 1);
        }
        AutogradFunction.attach(inputs, joined, this::backward, rows);
        long[] shape = Shapes.of(x);
        shape[shape.length - 1] = out;
        return joined.narrow(1, 0, out).view(shape);
    }

    private Tensor backward(Tensor[] saved, Tensor joined) {
        Tensor x = saved[0];
        Tensor dy = joined.narrow(1, 0, weight.get().shape()[0]);
        addGradient(dy, x);
        Tensor gradients = torch.zeros_like(joined);
        MatMul.into(gradients.narrow(1, 0, x.size(1)), dy, weight.tensor());
        return gradients;
    }
}
