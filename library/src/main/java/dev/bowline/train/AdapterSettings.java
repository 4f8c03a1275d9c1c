package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.Function;

/// The section `peft` in the training state, by which a run refuses to resume an adapter of other settings.
final class AdapterSettings {

    private AdapterSettings() {}

    /// The settings by the keys of a recipe.
    static JsonObject json(LoraConfig lora) {
        return JsonObject.of()
                .with("dim", lora.r())
                .with("alpha", lora.loraAlpha())
                .with("dropout", lora.loraDropout())
                .with("dropout_position", name(lora.dropoutPosition()))
                .with(
                        "use_rslora",
                        switch (lora.scaling()) {
                            case LORA -> false;
                            case RSLORA -> true;
                        })
                .with(
                        "use_dora",
                        switch (lora.variant()) {
                            case LORA -> false;
                            case DORA -> true;
                        })
                .with("lora_A_init", name(lora.loraAInit()))
                .with("target_modules", patterns(lora.targetModules()))
                .with("exclude_modules", patterns(lora.excludeModules()))
                .with("target_parameters", JsonArray.ofStrings(lora.targetParameters()))
                .with("modules_to_save", JsonArray.ofStrings(lora.modulesToSave()))
                .with("rank_pattern", byName(lora.rankPattern(), JsonValue::of))
                .with("alpha_pattern", byName(lora.alphaPattern(), JsonValue::of))
                .with(
                        "trainable_token_indices",
                        byName(
                                lora.trainableTokenIndices(),
                                ids -> JsonValue.of(
                                        ids.stream().map(JsonValue::of).toList())))
                .with("tie_mode", name(lora.tieMode()));
    }

    /// @param directory of the training checkpoint
    /// @param saved the settings of the run that saved it
    /// @throws BowlineException naming the first key with another value
    static void requireSame(Path directory, JsonObject saved, LoraConfig lora) {
        JsonObject now = json(lora);
        for (Map.Entry<String, JsonValue> each : now.fields().entrySet()) {
            JsonValue before = saved.get(each.getKey()).orElseGet(JsonValue::absent);
            if (!before.equals(each.getValue())) {
                throw new BowlineException(
                        "%s has an adapter with peft.%s %s, the recipe says %s"
                                .formatted(
                                        directory, each.getKey(), Json.compact(before), Json.compact(each.getValue())),
                        "resume with the section peft that the run began with, or start a new run in another"
                                + " checkpoint.checkpoint_dir");
            }
        }
    }

    private static String name(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static JsonValue patterns(ModulePatterns patterns) {
        return switch (patterns) {
            case ModulePatterns.AllLinear _ -> JsonValue.of("all-linear");
            case ModulePatterns.Named(List<String> names) -> JsonArray.ofStrings(names);
            case ModulePatterns.Regex(String regex) -> JsonValue.of(regex);
        };
    }

    private static <V> JsonObject byName(SequencedMap<String, V> values, Function<V, JsonValue> json) {
        SequencedMap<String, JsonValue> object = new LinkedHashMap<>();
        values.forEach((name, value) -> object.put(name, json.apply(value)));
        return JsonObject.of(object);
    }
}
