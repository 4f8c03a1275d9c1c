package dev.bowline.safetensors;

import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// Validates a tensor's name. The length limit is far above that of any real model, and bounds the work on names
/// by the number of tensors.
final class TensorName {

    /// The longest names of published models have about 150 characters.
    static final int MAX_LENGTH = 1024;

    private static final int SHOWN = 60;

    private TensorName() {}

    /// Why a name is not taken, as the end of a sentence about the tensor.
    static Optional<String> refusal(String name) {
        if (name.length() > MAX_LENGTH) {
            return Optional.of(
                    "has a name of %,d characters; names are read up to %,d".formatted(name.length(), MAX_LENGTH));
        }
        return StandardCharsets.UTF_8.newEncoder().canEncode(name)
                ? Optional.empty()
                : Optional.of("has a name with half of a surrogate pair, which no UTF-8 text can hold");
    }

    static String shortened(String name) {
        return name.length() <= SHOWN ? name : name.substring(0, SHOWN) + "…";
    }
}
