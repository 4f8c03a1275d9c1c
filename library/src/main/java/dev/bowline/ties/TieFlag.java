package dev.bowline.ties;

import dev.bowline.json.JsonObject;
import java.util.Optional;

/// The `tie_word_embeddings` that decides for a model, and its level in config.json.
public record TieFlag(boolean tied, Level level) {

    /// The level of config.json that has the flag.
    public enum Level {
        TOP("tie_word_embeddings"),
        THINKER("thinker_config.tie_word_embeddings"),
        TEXT("text_config.tie_word_embeddings"),
        CLASS_DEFAULT("the default of the architecture");

        private final String key;

        Level(String key) {
            this.key = key;
        }

        /// The key in config.json, or the name of the default.
        public String key() {
            return key;
        }
    }

    /// Reads the top level, then `thinker_config`, then `text_config`; the first level that has the flag decides.
    /// Without a flag the architecture's default decides. A null counts as absent.
    ///
    /// @param config the original config.json, before any change
    public static TieFlag controlling(JsonObject config, ClassDefault classDefault) {
        return read(config, Level.TOP)
                .or(() -> config.optionalObject("thinker_config").flatMap(thinker -> read(thinker, Level.THINKER)))
                .or(() -> config.optionalObject("text_config").flatMap(text -> read(text, Level.TEXT)))
                .orElseGet(() -> new TieFlag(classDefault == ClassDefault.TIED, Level.CLASS_DEFAULT));
    }

    /// The default of an architecture, if config.json has no flag.
    public enum ClassDefault {
        TIED,
        UNTIED
    }

    private static Optional<TieFlag> read(JsonObject level, Level where) {
        return level.optionalBoolean("tie_word_embeddings").map(tied -> new TieFlag(tied, where));
    }

    /// The request and its place in config.json, for messages.
    public String describe() {
        String asked = tied ? "a tied head" : "a separate head";
        return level == Level.CLASS_DEFAULT
                ? "%s is assumed (%s)".formatted(asked, level.key())
                : "config.json asks for %s (%s is %s)".formatted(asked, level.key(), tied);
    }
}
