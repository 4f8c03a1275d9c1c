package dev.bowline.optim;

/// The dtype in which an optimizer keeps its moments (`optimizer.state_dtype`). Parameters and master weights are
/// not affected.
public enum StateDtype {
    /// Exact, 4 bytes an element.
    FLOAT32,
    /// 2 bytes an element. The second moment is rounded with a dither; see [Bfloat16Moment].
    BFLOAT16,
    /// About 1 byte an element: 8-bit codes and a float32 scale for each block of 256 elements; see [Int8Moment].
    /// Parameters of fewer than 4,096 elements keep float32 moments.
    INT8
}
