package dev.bowline.optim;

import org.bytedeco.pytorch.Tensor;

/// The stored moment of one parameter, which is read and written in blocks of its flattened elements.
sealed interface Moment permits Float32Moment, Bfloat16Moment, Int8Moment {

    /// Elements `from` to `from + size` in float32. The caller may change them until [#write].
    Tensor read(long from, long size);

    /// Stores a block that [#read] returned. The values of `block` are undefined afterwards.
    ///
    /// @param step the number of the optimizer's step, from 1
    void write(Tensor block, long from, long step);
}
