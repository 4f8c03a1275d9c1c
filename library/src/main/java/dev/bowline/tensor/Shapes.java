package dev.bowline.tensor;

import java.util.Arrays;
import org.bytedeco.pytorch.LongArrayRef;
import org.bytedeco.pytorch.Tensor;

/// Shapes as Java arrays and as text.
public final class Shapes {

    private Shapes() {}

    public static long[] of(Tensor tensor) {
        long[] shape = new long[Math.toIntExact(tensor.dim())];
        try (LongArrayRef sizes = tensor.sizes()) {
            for (int i = 0; i < shape.length; i++) {
                shape[i] = sizes.get(i);
            }
        }
        return shape;
    }

    /// The text that PyTorch prints for a shape: `[4, 512]`.
    public static String text(long... shape) {
        return Arrays.toString(shape);
    }
}
