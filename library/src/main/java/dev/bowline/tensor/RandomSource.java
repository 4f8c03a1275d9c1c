package dev.bowline.tensor;

import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A generator of its own, so that what draws from it does not depend on what else draws.
public final class RandomSource implements AutoCloseable {

    private final Generator generator;

    private RandomSource(Generator generator) {
        generator.retainReference();
        this.generator = generator;
    }

    public static RandomSource seeded(long seed) {
        return new RandomSource(torch.createCPUGenerator(seed));
    }

    /// float32 from N(0, deviation²).
    public Tensor normal(double deviation, long... shape) {
        return Ops.empty(Device.CPU, Dtype.FLOAT32, shape).normal_(0, deviation, new GeneratorOptional(generator));
    }

    @Override
    public void close() {
        generator.close();
    }
}
