package dev.bowline.cli;

import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.DeviceChoice;
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

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "Override a key of the recipe. May be repeated.")
    private List<String> sets = new ArrayList<>();

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            converter = DeviceOption.class,
            description = DeviceOption.DESCRIPTION + " Overrides model.device of the recipe.")
    private @Nullable DeviceChoice device;

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
        List<String> replaced = new ArrayList<>(sets);
        if (device != null) {
            replaced.add("model.device=" + device);
        }
        return RecipeFile.load(recipe, replaced);
    }
}
