package dev.bowline.optim;

import dev.bowline.tensor.Dtype;
import java.util.List;
import java.util.stream.LongStream;

/// One tensor that an optimizer keeps for a parameter: its name, dtype and shape, without values.
///
/// @param name such as `exp_avg`; the saved tensor is `<parameter>.<name>`
/// @param shape empty for a scalar
public record StateTensor(String name, Dtype dtype, List<Long> shape) {

    /// The float32 copy of a parameter of another dtype, which the optimizer updates in its place.
    static final String MASTER = "master";

    /// The number of steps taken, a float32 scalar.
    static final String STEP = "step";

    public StateTensor {
        shape = List.copyOf(shape);
    }

    static StateTensor of(String name, Dtype dtype, long... shape) {
        return new StateTensor(name, dtype, LongStream.of(shape).boxed().toList());
    }

    /// The shape as an array.
    public long[] dimensions() {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }

    public long bytes() {
        return elements() * dtype.bytes();
    }

    public long elements() {
        return shape.stream().reduce(1L, Math::multiplyExact);
    }

    /// The number of consecutive elements of a parameter to which one element of this tensor belongs: 1, or the size of
    /// a block of an 8-bit moment.
    ///
    /// @param parameterElements of the parameter, whose state this is
    public long elementsOfOne(long parameterElements) {
        return elements() == parameterElements ? 1 : Int8Moment.BLOCK;
    }
}
