package dev.bowline.nn;

import java.util.OptionalDouble;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// The output head: logits = cap tanh(h W^T / cap), without the cap when there is none.
///
/// @param weight [V, H]; tied, it reaches the input embedding's parameter
/// @param softcap `final_logit_softcapping`
public record Head(Slot weight, OptionalDouble softcap) {

    /// @param h [..., H]
    /// @return [..., V], of h's dtype
    public Tensor logits(Tensor h) {
        Tensor z = torch.linear(h, weight.tensor());
        return softcap.isPresent()
                ? z.div(new Scalar(softcap.getAsDouble())).tanh().mul(new Scalar(softcap.getAsDouble()))
                : z;
    }
}
