package dev.bowline.checkpoint;

import dev.bowline.safetensors.TensorComparison;
import dev.bowline.safetensors.TensorRange;

/// Compares a head and an input embedding of one shape: the same type and the same bytes, or not.
@FunctionalInterface
public interface HeadComparison {

    boolean isSame(TensorRange head, TensorRange embedding);

    /// Reads both files until they differ.
    static HeadComparison ofFiles() {
        return TensorComparison::isSame;
    }
}
