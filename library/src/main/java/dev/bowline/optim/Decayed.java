package dev.bowline.optim;

/// The parameters that weight decay applies to.
public enum Decayed {
    /// Tensors of two or more dimensions; norms, biases and other vectors do not decay.
    MATRICES,
    EVERYTHING;

    /// The weight decay of a parameter of this shape.
    double of(double weightDecay, long[] shape) {
        return switch (this) {
            case MATRICES -> shape.length >= 2 ? weightDecay : 0;
            case EVERYTHING -> weightDecay;
        };
    }
}
