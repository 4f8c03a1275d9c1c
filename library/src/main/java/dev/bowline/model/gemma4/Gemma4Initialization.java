package dev.bowline.model.gemma4;

import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/// Fresh values for a Gemma 4 model (transformers: `Gemma4PreTrainedModel._init_weights`): matrices from
/// N(0, initializer_range²), the padding row zero, biases zero, norms, router scales and layer scalars one.
///
/// A tied head is never drawn: only distinct parameters are visited, in the model's order, from one generator.
final class Gemma4Initialization {

    private final Gemma4Config config;
    private final long seed;

    Gemma4Initialization(Gemma4Config config, long seed) {
        this.config = config;
        this.seed = seed;
    }

    void fill(Map<String, Parameter> parameters) {
        try (RandomSource random = RandomSource.seeded(seed)) {
            parameters.forEach((name, parameter) -> parameter.materialize(values(name, parameter.shape(), random)));
        }
    }

    private Tensor values(String name, long[] shape, RandomSource random) {
        if (name.endsWith(".bias")) {
            return Ops.zeros(Dtype.FLOAT32, shape);
        }
        boolean one = shape.length == 1;
        if (one) {
            return Ops.full(Dtype.FLOAT32, 1, shape);
        }
        Tensor values = random.normal(config.initializerRange(), shape);
        boolean table = name.endsWith("embed_tokens.weight") || name.endsWith("embed_tokens_per_layer.weight");
        if (table && config.paddingId().isPresent()) {
            values.select(0, config.paddingId().getAsLong()).zero_();
        }
        return values;
    }
}
