package dev.bowline.cli;

import dev.bowline.recipe.RecipeFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// A recipe and what is given over it.
final class RecipeArguments {

    @Parameters(paramLabel = "RECIPE", description = "A recipe in YAML.")
    private Path recipe = Path.of("");

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "Replace a value of the recipe. May be repeated.")
    private List<String> sets = new ArrayList<>();

    Path file() {
        return recipe;
    }

    RecipeFile load() {
        return RecipeFile.load(recipe, sets);
    }
}
