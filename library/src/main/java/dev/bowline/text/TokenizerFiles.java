package dev.bowline.text;

import dev.bowline.RegularFile;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.nio.file.Path;
import java.util.Optional;

/// The JSON files of a tokenizer's directory.
///
/// @param tokenizer tokenizer.json
/// @param config tokenizer_config.json; empty if there is none
/// @param specialTokensMap special_tokens_map.json; also empty if tokenizer_config.json has
///     `added_tokens_decoder`, because transformers 5.18 then ignores the file
/// @param addedTokens added_tokens.json, under the same condition
/// @param tokenizerClass the class that transformers takes
record TokenizerFiles(
        JsonObject tokenizer,
        JsonObject config,
        Optional<JsonObject> specialTokensMap,
        Optional<JsonObject> addedTokens,
        TokenizerClass tokenizerClass) {

    static TokenizerFiles in(Path directory, JsonObject tokenizer) {
        JsonObject config = read(directory, "tokenizer_config.json").orElseGet(JsonObject::of);
        boolean complete = config.has("added_tokens_decoder");
        return new TokenizerFiles(
                tokenizer,
                config,
                complete ? Optional.empty() : read(directory, "special_tokens_map.json"),
                complete ? Optional.empty() : read(directory, "added_tokens.json"),
                TokenizerClass.of(read(directory, "config.json").orElseGet(JsonObject::of), config));
    }

    private static Optional<JsonObject> read(Path directory, String name) {
        Path file = directory.resolve(name);
        return RegularFile.isPresent(file) ? Optional.of(Json.parse(file).asObject()) : Optional.empty();
    }
}
