package dev.bowline.catalog;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.model.Architecture;
import dev.bowline.model.ConfigDifference;
import dev.bowline.model.baichuan2.Baichuan2Family;
import dev.bowline.model.gemma2.Gemma2Family;
import dev.bowline.model.gemma3.Gemma3Family;
import dev.bowline.model.gemma4.Gemma4Family;
import dev.bowline.model.llama.LlamaFamily;
import dev.bowline.model.mistral.MistralFamily;
import dev.bowline.model.phi3.Phi3Family;
import dev.bowline.model.qwen2.Qwen2Family;
import dev.bowline.model.qwen3.Qwen3Family;
import dev.bowline.model.qwen3moe.Qwen3MoeFamily;
import dev.bowline.model.smollm3.SmolLm3Family;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Every architecture that Bowline builds. A new family adds a line.
public final class Families {

    /// A line per family.
    private static final List<Architecture> ALL = Stream.of(
                    Gemma4Family.ARCHITECTURES,
                    LlamaFamily.ARCHITECTURES,
                    SmolLm3Family.ARCHITECTURES,
                    Qwen2Family.ARCHITECTURES,
                    Qwen3Family.ARCHITECTURES,
                    Qwen3MoeFamily.ARCHITECTURES,
                    MistralFamily.ARCHITECTURES,
                    Gemma2Family.ARCHITECTURES,
                    Gemma3Family.ARCHITECTURES,
                    Phi3Family.ARCHITECTURES,
                    Baichuan2Family.ARCHITECTURES)
            .flatMap(List::stream)
            .toList();

    private Families() {}

    public static List<Architecture> all() {
        return ALL;
    }

    /// The family of a config.json: by `architectures`, or by `model_type` where that list is absent. A base
    /// class such as `LlamaModel` means its causal language model.
    ///
    /// @throws BowlineException listing every family, for one that is not among them
    public static Architecture of(JsonObject config) {
        return find(config).orElseThrow(() -> {
            List<String> asked = architectures(config);
            Optional<String> modelType = config.optionalString("model_type");
            return asked.isEmpty()
                    ? unknown(
                            config,
                            modelType.map("model_type '%s'"::formatted).orElse("a model without 'architectures'"),
                            modelType.stream().toList())
                    : unknown(config, "architecture '%s'".formatted(String.join("', '", asked)), asked);
        });
    }

    /// The family of a config.json; empty for one that is not among them.
    public static Optional<Architecture> find(JsonObject config) {
        List<String> asked = architectures(config);
        if (!asked.isEmpty()) {
            return asked.stream()
                    .flatMap(name -> ALL.stream().filter(family -> family.isNamed(name)))
                    .findFirst();
        }
        Optional<String> modelType = config.optionalString("model_type");
        return ALL.stream()
                .filter(family -> modelType.filter(family.modelType()::equals).isPresent())
                .findFirst();
    }

    private static List<String> architectures(JsonObject config) {
        return config.optionalArray("architectures").map(JsonArray::strings).orElse(List.of());
    }

    private static BowlineException unknown(JsonObject config, String asked, List<String> names) {
        List<String> ours = ALL.stream().map(Architecture::name).toList();
        List<String> known = new ArrayList<>(ours);
        ALL.forEach(family -> known.add(family.modelType()));
        String hint = names.stream()
                .map(name -> NearestNames.hint(name, known))
                .findFirst()
                .orElse("");
        return new BowlineException(
                "%s is for %s, which Bowline does not build%s%s"
                        .formatted(config.location().source(), asked, hint, closest(config)),
                "use a checkpoint of one of: " + String.join(", ", ours));
    }

    /// For a config of the common shape: the family that is nearest to it, and what keeps it from being that one.
    private static String closest(JsonObject config) {
        if (!config.has("hidden_size") || !config.has("num_hidden_layers") || !config.has("num_attention_heads")) {
            return "";
        }
        return ALL.stream()
                .filter(family -> family.level() == Architecture.Level.TOP)
                .map(family -> ConfigDifference.between(family, config))
                .min(Comparator.comparingInt(difference -> difference.distance(config)))
                .map(nearest -> "; the closest is %s, and %s"
                        .formatted(nearest.architecture().name(), nearest.describe()))
                .orElse("");
    }
}
