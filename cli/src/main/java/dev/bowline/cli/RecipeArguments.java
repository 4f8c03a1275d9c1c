package dev.bowline.cli;

import dev.bowline.recipe.RecipeFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// A recipe and what is given over it.
final class RecipeArguments {

    @Parameters(paramLabel = "RECIPE", description = "A recipe in YAML.")
    private Path recipe = Path.of("");

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "Replace a value of the recipe. May be repeated.")
    private List<String> sets = new ArrayList<>();

    Path file() {
        return recipe;
    }

    @Spec(Spec.Target.MIXEE)
    private @Nullable CommandSpec spec;

    RecipeFile load() {
        for (String set : sets) {
            if (!RecipeFile.isAssignment(set)) {
                throw new CommandLine.ParameterException(
                        Objects.requireNonNull(spec).commandLine(),
                        "--set %s: expected key.path=value, such as --set optimizer.lr=1e-5".formatted(set));
            }
        }
        return RecipeFile.load(recipe, sets);
    }
}
