package dev.bowline.recipe;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// The notes of one reading.
final class Notes {

    private final List<RecipeNote> taken = new ArrayList<>();

    /// @param reason completes "KEY has no effect: …"
    void ignored(Origin at, String key, String reason) {
        taken.add(new RecipeNote(at, key, RecipeNote.Effect.NONE, "%s has no effect: %s".formatted(key, reason)));
    }

    /// @param what completes "KEY: …"
    void known(Origin at, String key, String what) {
        taken.add(new RecipeNote(at, key, RecipeNote.Effect.NONE, "%s: %s".formatted(key, what)));
    }

    /// @param meaning completes "KEY: …"
    void translated(Origin at, String key, String meaning) {
        taken.add(new RecipeNote(at, key, RecipeNote.Effect.TRANSLATED, "%s: %s".formatted(key, meaning)));
    }

    /// In the order of the file, then of the flags.
    List<RecipeNote> all() {
        return taken.stream()
                .sorted(Comparator.comparing(RecipeNote::at, Problems.SOURCE_ORDER))
                .toList();
    }
}
