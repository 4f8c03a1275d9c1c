package dev.bowline.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;

/// How far Bowline is from transformers in bfloat16, in units of how far transformers is from itself.
///
/// transformers has two ways to attend, eager and sdpa, which differ in rounding only; either is a right answer. A
/// tensor t of Bowline's is as far off as the nearer of them: min(‖t - eager‖, ‖t - sdpa‖). The unit is ‖eager - sdpa‖,
/// but no less than 2⁻⁸ ‖eager‖, one unit in the last place of bfloat16: two computations that round the same exact
/// value differ by that much, and the two ways of transformers may agree by luck, in a scalar above all. At most 1 in
/// every tensor is parity.
///
/// @param logits by their norm, over real positions
/// @param largestLogit by the largest difference of a single logit; there a unit is at least one unit in the last
/// place of the largest logit
/// @param gradient by its norm, of the tensor where that is worst
/// @param worst that tensor
record Bfloat16Distance(double logits, double largestLogit, double loss, double gradient, String worst) {

    static final double BOUND = 1;

    private static final double LAST_PLACE = 0x1p-8;

    /// Fails unless all have the same gradients under the same names.
    static Bfloat16Distance between(Outcome eager, Outcome sdpa, Outcome actual) {
        assertEquals(eager.gradients().keySet(), actual.gradients().keySet());
        double largest = units(
                maximum(eager.logits(), sdpa.logits()),
                Math.min(maximum(eager.logits(), actual.logits()), maximum(sdpa.logits(), actual.logits())),
                eager.logits().abs().max().item_double());
        double loss = units(
                Math.abs(eager.loss() - sdpa.loss()),
                Math.min(Math.abs(eager.loss() - actual.loss()), Math.abs(sdpa.loss() - actual.loss())),
                Math.abs(eager.loss()));
        double gradient = 0;
        String worst = "";
        for (Map.Entry<String, Tensor> entry : eager.gradients().entrySet()) {
            String name = entry.getKey();
            double error = units(
                    entry.getValue(),
                    Objects.requireNonNull(sdpa.gradients().get(name)),
                    Objects.requireNonNull(actual.gradients().get(name)));
            if (Double.isNaN(error) || error > gradient) {
                gradient = error;
                worst = name;
            }
        }
        return new Bfloat16Distance(
                units(eager.logits(), sdpa.logits(), actual.logits()), largest, loss, gradient, worst);
    }

    private static double units(Tensor eager, Tensor sdpa, Tensor actual) {
        return units(
                norm(eager, sdpa),
                Math.min(norm(eager, actual), norm(sdpa, actual)),
                eager.norm().item_double());
    }

    private static double units(double itself, double ours, double size) {
        return ours / Math.max(itself, LAST_PLACE * size);
    }

    private static double norm(Tensor a, Tensor b) {
        return a.sub(b).norm().item_double();
    }

    private static double maximum(Tensor a, Tensor b) {
        return a.sub(b).abs().max().item_double();
    }
}
