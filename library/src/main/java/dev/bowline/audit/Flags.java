package dev.bowline.audit;

import dev.bowline.json.JsonObject;
import java.util.ArrayList;
import java.util.List;

/// Where config.json may say `tie_word_embeddings`.
final class Flags {

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
    static List<FlagAt> of(JsonObject config) {
        List<FlagAt> flags = new ArrayList<>();
        for (String level : LEVELS) {
            if (ReleaseTies.objectAt(config, level).isPresent()) {
                flags.add(new FlagAt(level, ReleaseTies.flagAt(config, level)));
            }
        }
        return flags;
    }
}
