package dev.bowline.optim;

import org.bytedeco.pytorch.Tensor;

/// A moment in float32: a block is a view of the stored tensor.
///
/// @param flat all elements in one dimension
record Float32Moment(Tensor flat) implements Moment {

    @Override
    public Tensor read(long from, long size) {
        return flat.narrow(0, from, size);
    }

    @Override
    public void write(Tensor block, long from, long step) {}
}
