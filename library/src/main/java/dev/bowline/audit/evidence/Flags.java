package dev.bowline.audit.evidence;

import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.List;

/// Where config.json may say `tie_word_embeddings`.
public final class Flags {

    /// From the outside in; a level that no reader has heard of is not one.
    private static final List<String> LEVELS = List.of(
            "",
            "thinker_config",
            "thinker_config.text_config",
            "decoder",
            "language_config",
            "llm_config",
            "text_config");

    private Flags() {}

    /// The flag at the top and at every level that is there, outermost first.
    public static List<FlagAt> of(JsonObject config) {
        List<FlagAt> flags = new ArrayList<>();
        for (String level : LEVELS) {
            if (ReleaseTies.objectAt(config, level).isPresent()) {
                flags.add(new FlagAt(level, ReleaseTies.flagAt(config, level)));
            }
        }
        return flags;
    }

    /// Returns config.json with `key` set to `value` at `level`.
    public static JsonObject with(JsonObject config, String level, String key, JsonValue value) {
        if (level.isEmpty()) {
            return config.with(key, value);
        }
        int dot = level.indexOf('.');
        String first = dot < 0 ? level : level.substring(0, dot);
        JsonObject inner = config.requireObject(first);
        return config.with(first, with(inner, dot < 0 ? "" : level.substring(dot + 1), key, value));
    }
}
