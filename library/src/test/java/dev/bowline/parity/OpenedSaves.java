package dev.bowline.parity;

import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.util.ArrayList;
import java.util.List;

/// How transformers opens what Bowline saved, as tools/verify_families.py recorded.
final class OpenedSaves {

    private static final JsonObject SAVES = Json.parse(Golden.directory("", "").resolve("family_saves.json"))
            .asObject()
            .requireObject("classes");

    private OpenedSaves() {}

    /// Whether there is a record: Gemma 4's saves are another script's.
    static boolean has(String architecture) {
        return SAVES.has(architecture);
    }

    /// The heads whose checkpoint after two training steps 5.18.0 opened without a complaint, and how many tensors of
    /// it were passed through.
    static String saves(String architecture) {
        return heads(SAVES.requireObject(architecture));
    }

    private static String heads(JsonObject heads) {
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
}
