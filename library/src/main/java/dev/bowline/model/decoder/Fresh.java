package dev.bowline.model.decoder;

/// What a parameter starts as.
public enum Fresh {
    /// From N(0, initializer_range²); the padding row of an embedding is zero.
    NORMAL,
    ZEROS,
    ONES;

    /// As `PreTrainedModel._init_weights` of transformers: biases zero, norms one, everything else drawn.
    public static Fresh usual(String parameter) {
        if (parameter.endsWith(".bias")) {
            return ZEROS;
        }
        return parameter.endsWith("norm.weight") ? ONES : NORMAL;
    }
}
