package dev.bowline.fuzz;

import dev.bowline.BowlineException;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// Any recipe is read or refused with a message.
public final class RecipeFuzzer {

    private static final Path RECIPE = Scratch.directory().resolve("recipe.yaml");

    private RecipeFuzzer() {}

    /// Called by Jazzer with bytes of its choice: the recipe.
    public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
        Files.write(RECIPE, bytes);
        try {
            RecipeFile.load(RECIPE, List.of());
        } catch (BowlineException refused) {
            Scratch.requireWords(refused);
        }
    }
}
