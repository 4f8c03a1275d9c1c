package dev.bowline.ties;

import dev.bowline.json.JsonObject;
import java.util.Optional;

/// `tie_word_embeddings` as it decides for a model: its value and the level of config.json it came from.
public record TieFlag(boolean tied, Level level) {

    /// Where the flag stood.
    public enum Level {
        TOP("tie_word_embeddings"),
        THINKER("thinker_config.tie_word_embeddings"),
        TEXT("text_config.tie_word_embeddings"),
        CLASS_DEFAULT("the default of the architecture");

        private final String key;

        Level(String key) {
            this.key = key;
        }

        /// The key in config.json, or what stands in for it.
        public String key() {
            return key;
        }
    }

    /// The top level decides; `thinker_config`, then `text_config`, only where the top level says nothing; the
    /// architecture's default where none does. A null is silence.
    ///
    /// @param config the original config.json, before any change
    public static TieFlag controlling(JsonObject config, ClassDefault classDefault) {
        return read(config, Level.TOP)
                .or(() -> config.optionalObject("thinker_config").flatMap(thinker -> read(thinker, Level.THINKER)))
                .or(() -> config.optionalObject("text_config").flatMap(text -> read(text, Level.TEXT)))
                .orElseGet(() -> new TieFlag(classDefault == ClassDefault.TIED, Level.CLASS_DEFAULT));
    }

    /// What an architecture assumes when config.json does not say.
    public enum ClassDefault {
        TIED,
        UNTIED
    }

    private static Optional<TieFlag> read(JsonObject level, Level where) {
        return level.optionalBoolean("tie_word_embeddings").map(tied -> new TieFlag(tied, where));
    }

    /// For a message: what is asked, and where it says so.
    public String describe() {
        String asked = tied ? "a tied head" : "a separate head";
        return level == Level.CLASS_DEFAULT
                ? "%s is assumed (%s)".formatted(asked, level.key())
                : "config.json asks for %s (%s is %s)".formatted(asked, level.key(), tied);
    }
}
