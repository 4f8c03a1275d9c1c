package dev.bowline.safetensors;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/// A directory that holds a PEFT adapter: weights that change a base model and are none by themselves.
///
/// @param type `peft_type` of the adapter's config, such as LORA
/// @param base `base_model_name_or_path` of the adapter's config; empty when the config gives none
public record PeftAdapter(Path directory, Optional<String> type, Optional<String> base) {

    /// The file that makes a directory an adapter.
    public static final String CONFIG_FILE = "adapter_config.json";

    /// The adapter's tensors.
    public static final String WEIGHTS_FILE = "adapter_model.safetensors";

    /// The adapter in `directory`; empty when the directory holds none. A config that is not JSON is an adapter's
    /// all the same.
    public static Optional<PeftAdapter> find(Path directory) {
        Path file = directory.resolve(CONFIG_FILE);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        Optional<JsonObject> config;
        try {
            config = Optional.of(Json.parse(file).asObject());
        } catch (BowlineException _) {
            config = Optional.empty();
        }
        return Optional.of(
                new PeftAdapter(directory, text(config, "peft_type"), text(config, "base_model_name_or_path")));
    }

    /// The refusal to take the adapter for a model.
    public BowlineException notAModel() {
        return new BowlineException(
                "%s is a PEFT adapter (%s) of %s, and not a model by itself"
                        .formatted(directory, type.orElse("of an unnamed type"), base.orElse("an unnamed base model")),
                Fix.of("name the base model's directory%s and the adapter in addition, or name the merged model: "
                                .formatted(base.map(" (%s)"::formatted).orElse("")))
                        .and(merge())
                        .and("; '")
                        .and(new Remedy.AuditAdapter(baseDirectory(), directory))
                        .and("' shows what the adapter fits and what a merge would do"));
    }

    private Fix merge() {
        return type.filter(name -> name.equals("LORA")).isPresent()
                ? Fix.of("'")
                        .and(new Remedy.MergeAdapter(baseDirectory(), directory))
                        .and("' merges the adapter")
                : Fix.of("PEFT's merge_and_unload merges the adapter");
    }

    /// The base model's directory, where the config names one that is there: a name on the hub is none.
    public Optional<Path> baseDirectory() {
        try {
            return base.map(Path::of).filter(Files::isDirectory);
        } catch (InvalidPathException _) {
            return Optional.empty();
        }
    }

    private static Optional<String> text(Optional<JsonObject> config, String key) {
        return config.flatMap(object -> object.get(key))
                .filter(JsonString.class::isInstance)
                .map(JsonValue::asString)
                .filter(value -> !value.isBlank());
    }
}
