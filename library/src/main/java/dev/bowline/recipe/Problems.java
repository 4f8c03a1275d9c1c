package dev.bowline.recipe;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// What was found wrong so far, so that one reading reports all of it.
final class Problems {

    /// The file first, top to bottom, then the flags in the order they were found.
    static final Comparator<Origin> SOURCE_ORDER =
            Comparator.comparingInt(Problems::line).thenComparingInt(Problems::column);

    private final List<RecipeProblem> found = new ArrayList<>();

    void add(Origin at, String problem, String fix) {
        found.add(new RecipeProblem(at, problem, fix));
    }

    /// Ends the reading if anything is wrong.
    void throwIfAny() {
        if (!found.isEmpty()) {
            throw new RecipeException(found.stream()
                    .sorted(Comparator.comparing(RecipeProblem::at, SOURCE_ORDER))
                    .toList());
        }
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
