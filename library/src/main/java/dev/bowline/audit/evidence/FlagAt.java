package dev.bowline.audit.evidence;

import java.util.Optional;

/// `tie_word_embeddings` at one level of config.json.
///
/// @param level the path of the object, empty for the top
/// @param value empty when the level is there and says nothing
public record FlagAt(String level, Optional<Boolean> value) {

    /// `text_config.tie_word_embeddings`.
    public String key() {
        return level.isEmpty() ? "tie_word_embeddings" : level + ".tie_word_embeddings";
    }
}
