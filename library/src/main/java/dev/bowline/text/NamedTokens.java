package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The tokens to which a checkpoint gives names: `bos_token`, `eos_token`, `pad_token` and the family's own.
final class NamedTokens {

    private static final String SUFFIX = "_token";

    private final Map<String, String> byName;
    private final Map<String, SpecialToken> resolved;

    private NamedTokens(Map<String, String> byName, Map<String, SpecialToken> resolved) {
        this.byName = Collections.unmodifiableMap(byName);
        this.resolved = resolved;
    }

    /// From tokenizer_config.json, and what only the older special_tokens_map.json names.
    static NamedTokens read(Path directory) {
        Map<String, String> byName = new LinkedHashMap<>();
        for (String file : new String[] {"special_tokens_map.json", "tokenizer_config.json"}) {
            Path path = directory.resolve(file);
            if (Files.isRegularFile(path)) {
                JsonObject config = Json.parse(path).asObject();
                collect(config, byName);
                if (config.get("extra_special_tokens").orElse(JsonValue.absent()) instanceof JsonObject extra) {
                    collect(extra, byName);
                }
            }
        }
        return new NamedTokens(byName, Map.of());
    }

    private static void collect(JsonObject config, Map<String, String> byName) {
        config.fields().forEach((name, value) -> {
            if (!name.endsWith(SUFFIX)) {
                return;
            }
            switch (value) {
                case JsonString token -> byName.put(name, token.value());
                case JsonObject token -> byName.put(name, token.requireString("content"));
                case JsonNull _ -> byName.remove(name);
                // Names such as add_bos_token are switches, not tokens.
                default -> {}
            }
        });
    }

    Set<String> texts() {
        return Set.copyOf(byName.values());
    }

    NamedTokens resolved(Vocabulary vocabulary, Path directory) {
        Map<String, SpecialToken> tokens = new LinkedHashMap<>();
        byName.forEach((name, text) ->
                vocabulary.id(text).ifPresent(id -> tokens.put(name, new SpecialToken(text, id))));
        for (String name : new String[] {"bos_token", "eos_token", "pad_token"}) {
            if (byName.containsKey(name) && !tokens.containsKey(name)) {
                throw new BowlineException(
                        "%s in %s is '%s', which tokenizer.json does not have"
                                .formatted(name, directory.resolve("tokenizer_config.json"), byName.get(name)),
                        "use the tokenizer files of one checkpoint together");
            }
        }
        return new NamedTokens(byName, tokens);
    }

    Optional<SpecialToken> token(String name) {
        return Optional.ofNullable(resolved.get(name));
    }

    Map<String, String> byName() {
        return byName;
    }
}
