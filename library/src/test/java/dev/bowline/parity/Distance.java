package dev.bowline.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;

/// How far Bowline is from transformers in float32.
///
/// @param logits largest difference, relative to the largest logit
/// @param loss difference, relative to the largest logit
/// @param gradient norm of the difference relative to the norm, of the tensor where that is worst
/// @param worst that tensor
record Distance(double logits, double loss, double gradient, String worst) {

    /// What may not be exceeded by logits and loss.
    static final double LOGITS_BOUND = 1e-4;

    /// What no gradient may exceed.
    static final double GRADIENT_BOUND = 1e-3;

    /// Fails unless both have the same gradients under the same names.
    static Distance between(Outcome expected, Outcome actual) {
        assertEquals(expected.gradients().keySet(), actual.gradients().keySet());
        double largest = expected.logits().abs().max().item_double();
        double logits = actual.logits().sub(expected.logits()).abs().max().item_double() / largest;
        double loss = Math.abs(actual.loss() - expected.loss()) / largest;
        double gradient = 0;
        String worst = "";
        for (Map.Entry<String, Tensor> entry : expected.gradients().entrySet()) {
            double error = relative(
                    entry.getValue(), Objects.requireNonNull(actual.gradients().get(entry.getKey())));
            if (Double.isNaN(error) || error > gradient) {
                gradient = error;
                worst = entry.getKey();
            }
        }
        return new Distance(logits, loss, gradient, worst);
    }

    /// ‖a - b‖ / ‖a‖.
    static double relative(Tensor a, Tensor b) {
        return a.sub(b).norm().item_double() / a.norm().item_double();
    }
}
