package dev.bowline.text;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// The tokens that other files of the directory add to the `added_tokens` of a tokenizer.json, as transformers
/// 5.18 adds them: `added_tokens_decoder` of tokenizer_config.json or else added_tokens.json, by id, and then
/// every special token that is not there yet.
///
/// A token of the model's vocabulary keeps its id; any other gets the next free one, whatever id the file names.
final class AddedTokens {

    private static final String KEY = "added_tokens";

    private AddedTokens() {}

    /// A tokenizer.json with every added token; the same object where nothing is missing.
    static JsonObject complete(JsonObject tokenizer, TokenizerFiles files, SpecialTokens special) {
        List<JsonValue> tokens = new ArrayList<>(
                tokenizer.optionalArray(KEY).map(JsonArray::values).orElse(List.of()));
        Set<String> known = new HashSet<>();
        int largest = -1;
        for (JsonValue token : tokens) {
            known.add(token.asObject().requireString("content"));
            largest = Math.max(largest, token.asObject().requireInt("id"));
        }
        SequencedMap<String, JsonObject> wanted = wanted(files, special);
        wanted.keySet().removeIf(text -> text.isEmpty() || known.contains(text));
        if (wanted.isEmpty()) {
            return tokenizer;
        }
        Map<String, Integer> vocabulary = vocabulary(tokenizer.requireObject("model"));
        for (JsonObject token : wanted.values()) {
            Optional<Integer> inVocabulary = Optional.ofNullable(vocabulary.get(token.requireString("content")));
            int id = inVocabulary.orElse(Math.max(largest + 1, vocabulary.size()));
            largest = Math.max(largest, id);
            tokens.add(token.with("id", id));
        }
        return tokenizer.with(KEY, JsonValue.of(tokens));
    }

    /// In the order in which they are added.
    private static SequencedMap<String, JsonObject> wanted(TokenizerFiles files, SpecialTokens special) {
        Set<String> specials = special.all();
        SequencedMap<String, JsonObject> wanted = new LinkedHashMap<>();
        files.config()
                .optionalObject("added_tokens_decoder")
                .ifPresent(decoder -> decoder.fields().entrySet().stream()
                        .sorted(Comparator.comparingInt(AddedTokens::id))
                        .map(field -> field.getValue().asObject())
                        .forEach(token -> {
                            String text = token.requireString("content");
                            boolean isSpecial = token.optionalBoolean("special").orElse(false)
                                    || special.texts().containsValue(text);
                            wanted.put(
                                    text,
                                    token(text, isSpecial)
                                            .with(
                                                    "normalized",
                                                    token.optionalBoolean("normalized")
                                                            .orElse(!isSpecial))
                                            .with(
                                                    "lstrip",
                                                    token.optionalBoolean("lstrip")
                                                            .orElse(false))
                                            .with(
                                                    "rstrip",
                                                    token.optionalBoolean("rstrip")
                                                            .orElse(false))
                                            .with(
                                                    "single_word",
                                                    token.optionalBoolean("single_word")
                                                            .orElse(false)));
                        }));
        files.addedTokens()
                .ifPresent(added -> added.fields().entrySet().stream()
                        .sorted(Comparator.comparingInt(
                                field -> field.getValue().asInt()))
                        .forEach(field ->
                                wanted.put(field.getKey(), token(field.getKey(), specials.contains(field.getKey())))));
        specials.forEach(text -> wanted.putIfAbsent(text, token(text, true)));
        return wanted;
    }

    private static int id(Map.Entry<String, JsonValue> field) {
        if (field.getKey().matches("[0-9]{1,9}")) {
            return Integer.parseInt(field.getKey());
        }
        throw field.getValue().mistyped("a token under its id");
    }

    private static JsonObject token(String text, boolean special) {
        return JsonObject.of()
                .with("id", 0)
                .with("content", text)
                .with("single_word", false)
                .with("lstrip", false)
                .with("rstrip", false)
                .with("normalized", !special)
                .with("special", special);
    }

    /// Ids by token: a mapping, or a list of tokens with their scores.
    private static Map<String, Integer> vocabulary(JsonObject model) {
        Map<String, Integer> ids = new LinkedHashMap<>();
        if (model.require("vocab") instanceof JsonObject mapping) {
            mapping.fields().forEach((token, id) -> {
                if (id instanceof JsonNumber number) {
                    ids.put(token, number.asInt());
                }
            });
            return ids;
        }
        List<JsonValue> pieces = model.requireArray("vocab").values();
        for (int id = 0; id < pieces.size(); id++) {
            if (pieces.get(id) instanceof JsonArray piece
                    && piece.size() > 0
                    && piece.get(0) instanceof JsonString text) {
                ids.putIfAbsent(text.value(), id);
            }
        }
        return ids;
    }
}
