package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.WeightFiles;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/// Compares the shapes of an adapter's tensors with the weights of a base, outside stacked experts.
final class BaseShapes {

    private static final String LAYERS = "layers.";

    private final AdapterFiles files;
    private final WeightFiles weights;
    private final Map<String, TensorEntry> byLayer = new HashMap<>();

    private BaseShapes(AdapterFiles files, WeightFiles weights) {
        this.files = files;
        this.weights = weights;
        weights.entries().forEach((name, entry) -> byLayer.put(fromLayer(name), entry));
    }

    /// @param experts the keys of stacked experts, which are not compared
    /// @throws BowlineException naming the first tensor that does not fit, or a module that the base does not have
    static void require(AdapterFiles files, Set<String> experts, WeightFiles weights) {
        new BaseShapes(files, weights).require(experts);
    }

    private void require(Set<String> experts) {
        files.keys().forEach((name, key) -> {
            if (!experts.contains(name)) {
                weight(key.module()).ifPresentOrElse(entry -> requireFits(name, key, entry), () -> requireTied(key));
            }
        });
    }

    /// A tied head has no tensor of its own.
    private void requireTied(AdapterKey key) {
        if (!key.module().endsWith("lm_head")) {
            throw refused("changes '%s', which the base %s does not have".formatted(key.module(), weights.directory()));
        }
    }

    /// The weight of a module. Programs differ in the prefix before `layers.`.
    private Optional<TensorEntry> weight(String module) {
        return Optional.ofNullable(weights.entries().get(module + ".weight"))
                .or(() -> Optional.ofNullable(byLayer.get(fromLayer(module + ".weight"))));
    }

    private static String fromLayer(String name) {
        return name.contains(LAYERS) ? name.substring(name.indexOf(LAYERS)) : name;
    }

    private void requireFits(String name, AdapterKey key, TensorEntry weight) {
        List<Long> shape = Objects.requireNonNull(files.tensors().get(name)).shape();
        if (weight.shape().size() != 2) {
            return;
        }
        long out = weight.shape().getFirst();
        long in = weight.shape().getLast();
        boolean isFit = switch (key.part()) {
            case LORA_A -> shape.getLast() == in;
            case LORA_B -> shape.getFirst() == out;
            case EMBEDDING_A -> shape.getLast() == out;
            case EMBEDDING_B -> shape.getFirst() == in;
            case TOKENS -> shape.getLast() == in;
            case COPY, BASE_TABLE, LORA_B_BIAS, MAGNITUDE, COPY_BIAS -> true;
        };
        if (!isFit) {
            throw refused("has '%s' of shape %s, and '%s' of the base %s has shape %s"
                    .formatted(name, shape, weight.name(), weights.directory(), weight.shape()));
        }
    }

    private BowlineException refused(String problem) {
        return ExpertReader.refused(files, problem, "name the base model that the adapter was trained on");
    }
}
