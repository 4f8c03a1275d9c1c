package dev.bowline.text;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.Set;

/// The special tokens that a tokenizer's files name: `bos_token`, `eos_token`, `pad_token` and the like, as
/// transformers 5.18 reads them.
///
/// special_tokens_map.json is read if tokenizer_config.json has no `added_tokens_decoder`, and then takes
/// precedence. If neither names a token, the tokenizer's class may assume one.
///
/// @param texts each one's text by its name
/// @param unnamed texts of further ones, without a name
record SpecialTokens(SequencedMap<String, String> texts, SequencedSet<String> unnamed) {

    private static final List<String> STANDARD =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");
    private static final String EXTRA = "extra_special_tokens";
    private static final Set<String> LISTS = Set.of(EXTRA, "additional_special_tokens");

    static SpecialTokens read(TokenizerFiles files) {
        SequencedMap<String, String> named = new LinkedHashMap<>();
        STANDARD.forEach(name -> assumed(files, name).ifPresent(text -> named.put(name, text)));
        List<JsonObject> sources = new ArrayList<>(List.of(files.config()));
        files.specialTokensMap().ifPresent(sources::add);
        SequencedSet<String> unnamed = new LinkedHashSet<>();
        for (JsonObject source : sources) {
            source.fields().forEach((key, value) -> {
                if (key.endsWith("_token")) {
                    text(value).ifPresent(text -> named.put(key, text));
                } else if (key.equals(EXTRA) && value instanceof JsonObject tokens) {
                    tokens.fields().forEach((name, token) -> text(token).ifPresent(text -> named.put(name, text)));
                } else if (LISTS.contains(key) && value instanceof JsonArray tokens) {
                    tokens.values().forEach(token -> text(token).ifPresent(unnamed::add));
                }
            });
        }
        return new SpecialTokens(named, unnamed);
    }

    /// A token that no file mentions, not even as null.
    private static Optional<String> assumed(TokenizerFiles files, String name) {
        if (files.config().has(name)) {
            return Optional.empty();
        }
        Optional<String> padding = name.equals("pad_token")
                ? files.tokenizer().optionalObject("padding").flatMap(padded -> padded.optionalString("pad_token"))
                : Optional.empty();
        return padding.or(
                () -> Optional.ofNullable(files.tokenizerClass().assumed().get(name)));
    }

    /// All texts: the standard names, those of the model's own, and those without a name.
    SequencedSet<String> all() {
        SequencedSet<String> all = new LinkedHashSet<>();
        STANDARD.stream().map(texts::get).filter(java.util.Objects::nonNull).forEach(all::add);
        all.addAll(texts.values());
        all.addAll(unnamed);
        return all;
    }

    /// A token is written as its text, or as an object with the text in `content`.
    static Optional<String> text(JsonValue value) {
        return switch (value) {
            case JsonString string -> Optional.of(string.value());
            case JsonObject object -> object.optionalString("content");
            default -> Optional.empty();
        };
    }
}
