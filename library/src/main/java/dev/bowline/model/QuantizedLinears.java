package dev.bowline.model;

import dev.bowline.nn.Linear;
import dev.bowline.nn.Parameter;
import dev.bowline.quantization.Quantization;
import dev.bowline.quantization.QuantizedMatrix;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Predicate;

/// The linear layers of a model whose weights are quantised: every projection, and every expert of a stack. The head
/// and the routers keep their weights as stored, as embeddings and norms do.
public final class QuantizedLinears {

    private QuantizedLinears() {}

    /// Quantises the weights of a model, now or when they get values. Call it before an adapter is created.
    public static void quantize(LanguageModel model, Quantization format) {
        of(model, _ -> true).values().forEach(linear -> linear.quantize(format));
    }

    /// The linears that [#quantize] quantises, by path.
    ///
    /// @param included false for a further path that keeps its weight as stored
    public static SequencedMap<String, Linear> of(LanguageModel model, Predicate<String> included) {
        SequencedMap<String, Linear> chosen = new LinkedHashMap<>();
        model.linears().forEach((path, linear) -> {
            boolean isProjection = switch (linear.purpose()) {
                case PROJECTION -> linear.weight() != model.lmHead();
                case ROUTER -> false;
            };
            if (isProjection && included.test(path)) {
                chosen.put(path, linear);
            }
        });
        return chosen;
    }

    /// The paths of parameters that are quantised, or will be when they get values.
    public static List<String> quantized(LanguageModel model) {
        return model.parameters().entrySet().stream()
                .filter(entry -> entry.getValue().quantization().isPresent())
                .map(Map.Entry::getKey)
                .toList();
    }

    /// The bytes that the values of a parameter take, or will take, quantised; empty for other parameters.
    public static Optional<Long> bytes(Parameter parameter) {
        long[] shape = parameter.shape();
        return parameter.quantization().map(format -> {
            long matrix = QuantizedMatrix.bytes(format, shape[shape.length - 2], shape[shape.length - 1]);
            return shape.length == 2 ? matrix : shape[0] * matrix;
        });
    }
}
