package dev.bowline.model;

import dev.bowline.model.decoder.Decoder;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.RmsNorm;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/// Initial values as `_init_weights` of transformers: matrices from N(0, initializer_range²) with the padding
/// row of an embedding zero, biases zero, and scales (of norms, routers and layers) at the value that changes
/// nothing.
///
/// A tied head is never drawn: only distinct parameters are visited, in the model's order, from one generator.
final class WeightInitializer {

    private final DecoderConfig config;
    private final long seed;

    WeightInitializer(Decoder decoder, long seed) {
        config = decoder.config();
        this.seed = seed;
    }

    void fill(Map<String, Parameter> parameters) {
        try (RandomSource random = RandomSource.seeded(seed)) {
            parameters.forEach((name, parameter) -> parameter.materialize(values(name, parameter.shape(), random)));
        }
    }

    private Tensor values(String name, long[] shape, RandomSource random) {
        if (name.endsWith(".bias")) {
            return Ops.zeros(Device.CPU, Dtype.FLOAT32, shape);
        }
        if (shape.length == 1) {
            return config.style().norms() == RmsNorm.Scale.LEARNED_AROUND_ONE
                    ? Ops.zeros(Device.CPU, Dtype.FLOAT32, shape)
                    : Ops.full(Device.CPU, Dtype.FLOAT32, 1, shape);
        }
        DecoderConfig.Size size = config.size();
        Tensor values = random.normal(size.initializerRange(), shape);
        boolean isEmbedding = name.endsWith("embed_tokens.weight") || name.endsWith("embed_tokens_per_layer.weight");
        if (isEmbedding && size.paddingId().isPresent()) {
            values.select(0, size.paddingId().getAsLong()).zero_();
        }
        return values;
    }
}
