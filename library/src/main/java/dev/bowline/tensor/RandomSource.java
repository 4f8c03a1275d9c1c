package dev.bowline.tensor;

import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A random generator of its own: its numbers do not depend on other generators.
public final class RandomSource implements AutoCloseable {

    private final Generator generator;

    private RandomSource(Generator generator) {
        generator.retainReference();
        this.generator = generator;
    }

    public static RandomSource seeded(long seed) {
        return new RandomSource(torch.createCPUGenerator(seed));
    }

    /// A float32 tensor of numbers from N(0, deviation²).
    public Tensor normal(double deviation, long... shape) {
        return Ops.empty(Device.CPU, Dtype.FLOAT32, shape).normal_(0, deviation, new GeneratorOptional(generator));
    }

    /// A float32 tensor of numbers from the uniform distribution between two bounds.
    public Tensor uniform(double from, double to, long... shape) {
        return Ops.empty(Device.CPU, Dtype.FLOAT32, shape).uniform_(from, to, new GeneratorOptional(generator));
    }

    /// A float32 tensor of ones with a probability, zeros otherwise.
    public Tensor bernoulli(double probability, long... shape) {
        return Ops.empty(Device.CPU, Dtype.FLOAT32, shape).bernoulli_(probability, new GeneratorOptional(generator));
    }

    @Override
    public void close() {
        generator.close();
    }
}
