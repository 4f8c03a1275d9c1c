package dev.bowline.audit;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The tokens of tokenizer.json, as far as it has a vocabulary that is a table.
final class Tokens {

    private static final long LARGEST_FILE = 12L << 20;

    private Tokens() {}

    /// The strings of these ids; empty when there is no tokenizer.json that says.
    static String of(Path directory, List<Long> ids) {
        Map<Long, String> names = new HashMap<>();
        tokenizer(directory).ifPresent(tokenizer -> {
            vocabulary(tokenizer).forEach((token, id) -> {
                if (ids.contains(id)) {
                    names.put(id, token);
                }
            });
        });
        List<String> found = new ArrayList<>();
        ids.forEach(id -> Optional.ofNullable(names.get(id)).ifPresent(found::add));
        return String.join(" ", found);
    }

    /// One more than the highest id; empty without a tokenizer.json that says.
    static Optional<Long> size(Path directory) {
        return tokenizer(directory)
                .flatMap(tokenizer -> vocabulary(tokenizer).values().stream()
                        .max(Long::compare)
                        .map(highest -> highest + 1));
    }

    /// The ids of special tokens.
    static List<Long> special(Path directory) {
        List<Long> special = new ArrayList<>();
        tokenizer(directory)
                .flatMap(tokenizer -> array(tokenizer, "added_tokens"))
                .ifPresent(added -> added.values().forEach(each -> {
                    if (each instanceof JsonObject token && token.get("id").orElse(null) instanceof JsonNumber id) {
                        special.add(id.asLong());
                    }
                }));
        return special;
    }

    private static Map<String, Long> vocabulary(JsonObject tokenizer) {
        Map<String, Long> ids = new HashMap<>();
        tokenizer
                .get("model")
                .filter(JsonObject.class::isInstance)
                .map(JsonValue::asObject)
                .ifPresent(model -> {
                    model.get("vocab").ifPresent(vocabulary -> {
                        if (vocabulary instanceof JsonObject table) {
                            table.fields().forEach((token, id) -> put(ids, token, id));
                        } else if (vocabulary instanceof JsonArray pieces) {
                            for (int i = 0; i < pieces.size(); i++) {
                                if (pieces.get(i) instanceof JsonArray piece && piece.size() > 0) {
                                    ids.put(piece.get(0).toString(), (long) i);
                                }
                            }
                        }
                    });
                });
        array(tokenizer, "added_tokens")
                .ifPresent(added -> added.values().forEach(each -> {
                    if (each instanceof JsonObject token) {
                        token.get("id")
                                .ifPresent(id -> put(
                                        ids,
                                        token.get("content")
                                                .map(JsonValue::toString)
                                                .orElse(""),
                                        id));
                    }
                }));
        return ids;
    }

    private static void put(Map<String, Long> ids, String token, JsonValue id) {
        if (id instanceof JsonNumber number && number.isWhole()) {
            ids.put(token, number.asLong());
        }
    }

    private static Optional<JsonArray> array(JsonObject object, String key) {
        return object.get(key).filter(JsonArray.class::isInstance).map(JsonValue::asArray);
    }

    private static Optional<JsonObject> tokenizer(Path directory) {
        Path file = directory.resolve("tokenizer.json");
        try {
            if (!Files.isRegularFile(file) || Files.size(file) > LARGEST_FILE) {
                return Optional.empty();
            }
            return Json.parse(file) instanceof JsonObject tokenizer ? Optional.of(tokenizer) : Optional.empty();
        } catch (BowlineException | java.io.IOException _) {
            return Optional.empty();
        }
    }
}
