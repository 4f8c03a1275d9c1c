package dev.bowline.nn;

import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// The output head: logits = cap tanh(h W^T / cap), without the cap when there is none.
///
/// @param weight [V, H]; tied, it reaches the input embedding's parameter
/// @param softcap `final_logit_softcapping`
/// @param rows what W is made from
public record Head(Slot weight, OptionalDouble softcap, Rows rows) {

    /// A head whose rows are used as they are stored.
    public Head(Slot weight, OptionalDouble softcap) {
        this(weight, softcap, Rows.AS_STORED);
    }

    /// What the weight's rows are before they are multiplied with.
    public enum Rows {
        AS_STORED,
        /// Each divided by its Euclidean norm (Baichuan 2: `NormHead`).
        NORMALISED
    }

    /// The rows that hidden states are multiplied with: [V, H].
    public Tensor matrix() {
        return switch (rows) {
            case AS_STORED -> weight.tensor();
            case NORMALISED -> Ops.unitRows(weight.tensor());
        };
    }

    /// @param h [..., H]
    /// @return [..., V], of h's dtype
    public Tensor logits(Tensor h) {
        Tensor w = matrix();
        boolean recorded = GradMode.is_enabled() && (h.requires_grad() || w.requires_grad());
        Tensor z = recorded ? torch.linear(h, w) : MatMul.linear(h, w, new TensorOptional());
        return softcap.isPresent()
                ? z.div(new Scalar(softcap.getAsDouble())).tanh().mul(new Scalar(softcap.getAsDouble()))
                : z;
    }
}
