package dev.bowline.checkpoint;

import dev.bowline.checkpoint.SaveReport.ConfigChange;
import dev.bowline.checkpoint.SaveReport.Head;
import dev.bowline.json.Json;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.model.LanguageModel;
import dev.bowline.tensor.Dtype;
import dev.bowline.ties.TieFlag;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// The config.json of a save: the model's own, with its tie flags and dtype made true, and byte for
/// byte the source's when they are.
///
/// @param text the file's bytes
/// @param changes the corrected values
record SavedConfig(byte[] text, List<ConfigChange> changes) {

    private static final String FLAG = "tie_word_embeddings";
    private static final String TEXT = "text_config";
    private static final List<String> DTYPES = List.of("dtype", "torch_dtype");

    /// @param dtype to be named, when the weights are written in another than they were read in
    static SavedConfig of(LanguageModel model, Optional<Checkpoint> source, Head head, Optional<Dtype> dtype) {
        Edit edit = new Edit();
        JsonObject config = model.config();
        if (!saysTheTruth(model, head)) {
            config = edit.flags(config, "", head == Head.TIED);
        }
        if (dtype.isPresent()) {
            config = edit.dtypes(config, dtype.get());
        }
        JsonObject unchanged = model.config();
        boolean asRead = edit.changes.isEmpty()
                && source.map(Checkpoint::config).filter(unchanged::equals).isPresent();
        return new SavedConfig(
                asRead ? source.orElseThrow().configText() : Json.pretty(config).getBytes(StandardCharsets.UTF_8),
                edit.changes);
    }

    /// A tied head needs the flag that decides. A separate one needs every flag: a reader of any level that
    /// says tied would drop it.
    private static boolean saysTheTruth(LanguageModel model, Head head) {
        boolean tied = TieFlag.controlling(model.config(), model.tieDefault()).tied();
        return switch (head) {
            case TIED -> tied;
            case SEPARATE -> !tied && !claimsTied(model.config());
        };
    }

    /// True if any level of it says so.
    static boolean claimsTied(JsonObject level) {
        boolean here = level.optionalBoolean(FLAG).orElse(false);
        return here
                || level.fields().values().stream()
                        .anyMatch(value -> value instanceof JsonObject nested && claimsTied(nested));
    }

    /// Changes values in their places and remembers what it changed.
    private static final class Edit {

        private final List<ConfigChange> changes = new ArrayList<>();

        /// The flag at the top, in `text_config`, and wherever else it stands.
        JsonObject flags(JsonObject level, String path, boolean tied) {
            SequencedMap<String, JsonValue> fields = new LinkedHashMap<>();
            for (Map.Entry<String, JsonValue> field : level.fields().entrySet()) {
                fields.put(
                        field.getKey(),
                        field.getValue() instanceof JsonObject nested
                                ? flags(nested, path + field.getKey() + ".", tied)
                                : field.getValue());
            }
            JsonObject edited = new JsonObject(fields, level.location());
            boolean belongs = path.isEmpty() || path.equals(TEXT + ".") || level.has(FLAG);
            return belongs ? set(edited, path, FLAG, JsonValue.of(tied)) : edited;
        }

        /// The dtype wherever it is named for the whole model or the text half; at the top if it is nowhere.
        JsonObject dtypes(JsonObject config, Dtype dtype) {
            JsonObject edited = config;
            Optional<JsonObject> text = config.optionalObject(TEXT);
            if (text.isPresent()) {
                edited = edited.with(TEXT, named(text.get(), TEXT + ".", dtype));
            }
            edited = named(edited, "", dtype);
            boolean nowhere = DTYPES.stream().noneMatch(edited::has)
                    && text.map(JsonObject::keys)
                            .filter(keys -> DTYPES.stream().anyMatch(keys::contains))
                            .isEmpty();
            return nowhere ? set(edited, "", DTYPES.getFirst(), JsonValue.of(dtype.configName())) : edited;
        }

        private JsonObject named(JsonObject level, String path, Dtype dtype) {
            JsonObject edited = level;
            for (String key : DTYPES) {
                if (level.get(key).filter(JsonString.class::isInstance).isPresent()) {
                    edited = set(edited, path, key, JsonValue.of(dtype.configName()));
                }
            }
            return edited;
        }

        private JsonObject set(JsonObject level, String path, String key, JsonValue value) {
            Optional<JsonValue> before = level.get(key);
            if (before.filter(value::equals).isPresent()) {
                return level;
            }
            changes.add(new ConfigChange(
                    path + key,
                    before.filter(old -> !(old instanceof JsonNull)).map(Json::compact),
                    Json.compact(value)));
            return level.with(key, value);
        }
    }
}
