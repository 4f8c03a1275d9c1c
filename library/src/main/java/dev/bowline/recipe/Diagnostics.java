package dev.bowline.recipe;

import dev.bowline.Fix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// The problems and the notes of one reading, so that one reading reports all of them.
final class Diagnostics {

    /// The file first, top to bottom, then the flags in the order they were found.
    private static final Comparator<Origin> SOURCE_ORDER =
            Comparator.comparingInt(Diagnostics::line).thenComparingInt(Diagnostics::column);

    private final List<RecipeException.Problem> problems = new ArrayList<>();
    private final List<RecipeFile.Note> notes = new ArrayList<>();

    void problem(Origin at, String problem, String fix) {
        problem(at, problem, Fix.of(fix));
    }

    void problem(Origin at, String problem, Fix fix) {
        problems.add(new RecipeException.Problem(at, problem, fix));
    }

    /// @param reason completes "KEY has no effect: …"
    void ignored(Origin at, String key, String reason) {
        note(at, key, RecipeFile.Effect.NONE, "%s has no effect: %s".formatted(key, reason));
    }

    /// @param meaning completes "KEY: …"
    void known(Origin at, String key, String meaning) {
        note(at, key, RecipeFile.Effect.NONE, "%s: %s".formatted(key, meaning));
    }

    /// @param meaning completes "KEY: …"
    void translated(Origin at, String key, String meaning) {
        note(at, key, RecipeFile.Effect.TRANSLATED, "%s: %s".formatted(key, meaning));
    }

    private void note(Origin at, String key, RecipeFile.Effect effect, String text) {
        notes.add(new RecipeFile.Note(at, key, effect, text));
    }

    /// @throws RecipeException with every problem, if there is one
    void throwIfAny() {
        if (!problems.isEmpty()) {
            throw new RecipeException(problems.stream()
                    .sorted(Comparator.comparing(RecipeException.Problem::at, SOURCE_ORDER))
                    .toList());
        }
    }

    /// The notes in the order of the file, then of the flags.
    List<RecipeFile.Note> notes() {
        return notes.stream()
                .sorted(Comparator.comparing(RecipeFile.Note::at, SOURCE_ORDER))
                .toList();
    }

    private static int line(Origin origin) {
        return switch (origin) {
            case Origin.InFile at -> at.line();
            case Origin.OnFlag _, Origin.InProgram _, Origin.Default _, Origin.AutoModelDefault _ -> Integer.MAX_VALUE;
        };
    }

    private static int column(Origin origin) {
        return switch (origin) {
            case Origin.InFile at -> at.column();
            case Origin.OnFlag _, Origin.InProgram _, Origin.Default _, Origin.AutoModelDefault _ -> Integer.MAX_VALUE;
        };
    }
}
