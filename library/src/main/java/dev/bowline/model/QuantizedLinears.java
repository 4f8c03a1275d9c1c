package dev.bowline.model;

import dev.bowline.BowlineException;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Parameter;
import dev.bowline.quantization.Quantization;
import dev.bowline.quantization.QuantizedMatrix;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.Predicate;

/// The linear layers of a model whose weights are quantised: every projection, and every expert of a stack. The head
/// and the routers keep their weights as stored, as embeddings and norms do.
public final class QuantizedLinears {

    private QuantizedLinears() {}

    /// Quantises the weights of a model, now or when they get values. Call it before an adapter is created.
    public static void quantize(LanguageModel model, Quantization format) {
        of(model, _ -> true).values().forEach(linear -> linear.quantize(format));
    }

    /// Quantises weights as a checkpoint has them.
    ///
    /// @param formats by the path of the weight's slot
    /// @throws BowlineException if a weight is not that of a linear, or is to be quantised to another format
    public static void quantize(LanguageModel model, Map<String, Quantization> formats) {
        Set<String> left = new LinkedHashSet<>(formats.keySet());
        model.linears().values().forEach(linear -> {
            String weight = linear.weight().path();
            Optional.ofNullable(formats.get(weight)).ifPresent(format -> {
                requireSame(weight, format, linear.weight().get().quantization());
                linear.quantize(format);
            });
            left.remove(weight);
        });
        left.stream().findFirst().ifPresent(weight -> {
            throw new BowlineException(
                    "'%s' is quantised, and is not the weight of a linear layer".formatted(weight),
                    "use the unquantised checkpoint");
        });
    }

    private static void requireSame(String weight, Quantization stored, Optional<Quantization> asked) {
        asked.filter(format -> format != stored).ifPresent(format -> {
            throw new BowlineException(
                    "'%s' is stored in %s and cannot be quantised to %s".formatted(weight, stored, format),
                    "load the checkpoint without quantization, or quantise the unquantised checkpoint");
        });
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
