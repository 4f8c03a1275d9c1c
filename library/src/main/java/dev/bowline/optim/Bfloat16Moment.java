package dev.bowline.optim;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A moment in bfloat16.
///
/// A decay rate of 0.999 changes the second moment by at most a thousandth in a step, which is less than half the
/// distance between two bfloat16 numbers: rounded to nearest, the moment would never decrease. A number is
/// therefore rounded up with a probability in proportion to its distance from the lower neighbour, so the stored
/// moment is right on average. The dither is a function of element and step, not a random number, so a resumed
/// run rounds as the first run would have.
///
/// @param flat all elements in one dimension
/// @param first the place of the first of them in the parameter, which is not 0 for a part of one
record Bfloat16Moment(Tensor flat, Rounding rounding, long first) implements Moment {

    /// The choice between the two bfloat16 neighbours of a float32 number.
    enum Rounding {
        NEAREST,
        DITHERED
    }

    /// The upper half of a float32 number is a bfloat16 number.
    private static final long UPPER_HALF = -1L << 16;

    private static final long LOWER_HALF = (1L << 16) - 1;

    /// 2³² and 2¹⁶ over the golden ratio, odd: their multiples fill an interval evenly (a Weyl sequence).
    private static final int ELEMENT_MULTIPLIER = 0x9E3779B9;

    private static final long STEP_MULTIPLIER = 0x9E37;

    @Override
    public Tensor read(long from, long size) {
        return Ops.cast(flat.narrow(0, from, size), Dtype.FLOAT32);
    }

    @Override
    public void write(Tensor block, long from, long step) {
        switch (rounding) {
            case NEAREST -> {}
            case DITHERED ->
                block.view(Dtype.INT32.scalarType())
                        .add_(dither(block, first + from, step))
                        .bitwise_and_(new Scalar(UPPER_HALF));
        }
        flat.narrow(0, from, block.numel()).copy_(block);
    }

    /// An integer from 0 to 2¹⁶ - 1 for each element, spread evenly over elements and over steps.
    private static Tensor dither(Tensor block, long from, long step) {
        Tensor elements = Device.of(block)
                .place(torch.arange(
                        new Scalar(block.numel()), new org.bytedeco.pytorch.TensorOptions(Dtype.INT32.scalarType())));
        return elements.add_(new Scalar(from & Integer.MAX_VALUE))
                .mul_(new Scalar(ELEMENT_MULTIPLIER))
                .bitwise_right_shift_(new Scalar(16))
                .add_(new Scalar((step * STEP_MULTIPLIER) & LOWER_HALF))
                .bitwise_and_(new Scalar(LOWER_HALF));
    }
}
