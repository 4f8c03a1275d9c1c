package dev.bowline.catalog;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigDifference;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.ModelFamily;
import dev.bowline.model.baichuan2.Baichuan2Architecture;
import dev.bowline.model.gemma2.Gemma2Architecture;
import dev.bowline.model.gemma3.Gemma3Architecture;
import dev.bowline.model.gemma4.Gemma4Architecture;
import dev.bowline.model.llama.LlamaArchitecture;
import dev.bowline.model.mistral.MistralArchitecture;
import dev.bowline.model.phi3.Phi3Architecture;
import dev.bowline.model.qwen2.Qwen2Architecture;
import dev.bowline.model.qwen3.Qwen3Architecture;
import dev.bowline.model.qwen3moe.Qwen3MoeArchitecture;
import dev.bowline.model.smollm3.SmolLm3Architecture;
import dev.bowline.ties.TieSupport;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// Every architecture that Bowline builds. A new family is a line here.
public final class Families {

    /// One model class.
    ///
    /// @param architecture as in `architectures` of config.json
    /// @param base the class of the same weights without a head, as in `architectures` of config.json
    /// @param modelType as in `model_type` of config.json
    /// @param tieSupport which heads the class can have
    /// @param build a model without values from the original config.json
    public record Family(
            String architecture,
            String base,
            String modelType,
            TieSupport tieSupport,
            Function<JsonObject, LanguageModel> build) {

        private boolean isBuiltFor(String name) {
            return architecture.equals(name) || base.equals(name);
        }
    }

    /// A line per family.
    private static final List<ModelFamily[]> DECLARED = List.of(
            Gemma4Architecture.values(),
            LlamaArchitecture.values(),
            SmolLm3Architecture.values(),
            Qwen2Architecture.values(),
            Qwen3Architecture.values(),
            Qwen3MoeArchitecture.values(),
            MistralArchitecture.values(),
            Gemma2Architecture.values(),
            Gemma3Architecture.values(),
            Phi3Architecture.values(),
            Baichuan2Architecture.values());

    private static final List<Family> ALL = families();

    private Families() {}

    public static List<Family> all() {
        return ALL;
    }

    /// The family of a config.json: by `architectures`, or by `model_type` where that says nothing. A base
    /// class such as `LlamaModel` stands for its causal language model.
    ///
    /// @throws BowlineException listing every family, for one that is not among them
    public static Family of(JsonObject config) {
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
    public static Optional<Family> find(JsonObject config) {
        List<String> asked = architectures(config);
        if (!asked.isEmpty()) {
            return asked.stream()
                    .flatMap(name -> ALL.stream().filter(family -> family.isBuiltFor(name)))
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
        List<String> ours = ALL.stream().map(Family::architecture).toList();
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
        return flatFamilies().stream()
                .map(family -> ConfigDifference.between(family, config))
                .min(Comparator.comparingInt(difference -> difference.distance(config)))
                .map(nearest -> "; the closest is %s, and %s"
                        .formatted(nearest.family().architectureName(), nearest.describe()))
                .orElse("");
    }

    /// Those whose config.json is the decoder's.
    private static List<ModelFamily> flatFamilies() {
        return DECLARED.stream()
                .flatMap(Arrays::stream)
                .filter(family -> family.decoderPath().equals("model"))
                .toList();
    }

    private static List<Family> families() {
        return DECLARED.stream()
                .flatMap(Arrays::stream)
                .map(family -> new Family(
                        family.architectureName(),
                        family.baseName(),
                        family.modelType(),
                        family.tieSupport(),
                        family::build))
                .toList();
    }
}
