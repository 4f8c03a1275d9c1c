package dev.bowline.parity;

import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// What scripts recorded of one class of transformers: how its releases tie, and how they open what Bowline saved.
///
/// @param release4 default of `tie_word_embeddings` in transformers 4.57.6 and the level that decides
/// @param release5 the same in 5.18.0
/// @param textDefault the default at the text level, where there is another above it
/// @param saves the checkpoints of two training steps that 5.18.0 opened without a complaint, and tensors of theirs
/// that
/// were passed through
record TransformersClass(String release4, String release5, String textDefault, String saves) {

    static final String NONE = "–";

    private static final JsonObject TIES = ties();
    private static final JsonObject KEYS = classes("family_config_keys.json");
    private static final JsonObject SAVES = classes("family_saves.json");

    static TransformersClass of(String architecture) {
        Optional<JsonObject> ties = TIES.optionalObject(architecture);
        return new TransformersClass(
                ties.flatMap(found -> found.optionalObject("v4"))
                        .map(TransformersClass::release)
                        .orElse(NONE),
                ties.flatMap(found -> found.optionalObject("v5"))
                        .map(TransformersClass::release)
                        .orElse(NONE),
                KEYS.optionalObject(architecture)
                        .filter(levels -> levels.has("top"))
                        .map(levels ->
                                String.valueOf(levels.requireObject("text").requireBoolean("tie_word_embeddings")))
                        .orElse(NONE),
                SAVES.optionalObject(architecture).map(TransformersClass::saves).orElse(NONE));
    }

    /// `effective` begins with what every level absent comes to.
    private static String release(JsonObject release) {
        boolean tied = release.requireString("effective").startsWith("T");
        String level = release.requireString("reads");
        return "%s, %s".formatted(tied, level.isEmpty() ? "top" : level);
    }

    private static String saves(JsonObject heads) {
        List<String> words = new ArrayList<>();
        for (String head : heads.keys()) {
            JsonObject save = heads.requireObject(head);
            if (!save.requireArray("problems").values().isEmpty()) {
                throw new IllegalStateException("transformers does not open a save: " + save);
            }
            int passed = save.requireInt("passed_through");
            words.add(passed == 0 ? head : "%s (%d tensors passed through)".formatted(head, passed));
        }
        return String.join(", ", words);
    }

    private static JsonObject classes(String file) {
        return Json.parse(Golden.directory("", "").resolve(file)).asObject().requireObject("classes");
    }

    private static JsonObject ties() {
        String name = "/dev/bowline/audit/transformers-ties.json";
        try (InputStream stream = Objects.requireNonNull(TransformersClass.class.getResourceAsStream(name), name)) {
            String text = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            return Json.parse(text, name).asObject().requireObject("architectures");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
