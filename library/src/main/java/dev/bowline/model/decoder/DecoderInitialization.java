package dev.bowline.model.decoder;

import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/// Fresh values for a decoder, as its family says.
///
/// A tied head is never drawn: only distinct parameters are visited, in the model's order, from one generator.
final class DecoderInitialization {

    private final DecoderFamily family;
    private final Decoder decoder;
    private final long seed;

    DecoderInitialization(DecoderFamily family, Decoder decoder, long seed) {
        this.family = family;
        this.decoder = decoder;
        this.seed = seed;
    }

    void fill(Map<String, Parameter> parameters) {
        try (RandomSource random = RandomSource.seeded(seed)) {
            parameters.forEach((name, parameter) -> parameter.materialize(values(name, parameter.shape(), random)));
        }
    }

    private Tensor values(String name, long[] shape, RandomSource random) {
        return switch (family.fresh(name)) {
            case ZEROS -> Ops.zeros(Dtype.FLOAT32, shape);
            case ONES -> Ops.full(Dtype.FLOAT32, 1, shape);
            case NORMAL -> {
                DecoderConfig.Size size = decoder.config().size();
                Tensor values = random.normal(size.initializerRange(), shape);
                if (size.paddingId().isPresent()
                        && name.equals(decoder.tokens().weight().path())) {
                    values.select(0, size.paddingId().getAsLong()).zero_();
                }
                yield values;
            }
        };
    }
}
