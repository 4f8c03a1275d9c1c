package dev.bowline.nn;

import java.util.OptionalDouble;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// The output head: logits = cap tanh(z / cap) with z = h Wᵀ, or logits = z without a cap.
///
/// @param linear maps H to V; its weight slot is tied to the slot of the input embedding, or owns its values
/// @param softcap `final_logit_softcapping`
public record Head(Linear linear, OptionalDouble softcap) {

    /// The rows of the head's weight that hidden states are multiplied with.
    public enum Rows {
        AS_STORED,
        /// Each divided by its Euclidean norm; see [NormalizedLinear].
        NORMALIZED
    }

    /// A linear for a head.
    public static Linear linear(String path, long in, long out, Rows rows) {
        Linear linear = new Linear(path, in, out);
        switch (rows) {
            case AS_STORED -> {}
            case NORMALIZED -> linear.replace(_ -> new NormalizedLinear(linear.weight(), linear::kernels));
        }
        return linear;
    }

    /// @param h [..., H]
    /// @return [..., V], of h's dtype
    public Tensor logits(Tensor h) {
        Tensor z = linear.forward(h);
        return softcap.isPresent()
                ? z.div(new Scalar(softcap.getAsDouble())).tanh().mul(new Scalar(softcap.getAsDouble()))
                : z;
    }
}
