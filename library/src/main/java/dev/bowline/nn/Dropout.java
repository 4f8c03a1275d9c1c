package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.Shapes;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// A dropout of one pass: every mask of a shape is the same, so the backward pass, and the second run of a
/// checkpointed layer, drop the elements that the forward pass dropped without a mask being kept.
///
/// @param probability of an element to be dropped, at least 0 and less than 1
/// @param seed other for every pass and every module
public record Dropout(double probability, long seed) {

    /// x ⊙ mask, a new tensor.
    Tensor of(Tensor x) {
        return x.mul(mask(x));
    }

    /// Zero for a dropped element, 1 / (1 - probability) for the others.
    ///
    /// @param x gives shape, dtype and device
    Tensor mask(Tensor x) {
        try (RandomSource random = RandomSource.seeded(seed)) {
            Tensor kept = random.bernoulli(1 - probability, Shapes.of(x)).div_(new Scalar(1 - probability));
            return Device.of(x).place(kept.to(x.scalar_type()));
        }
    }
}
