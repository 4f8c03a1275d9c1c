package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Mapping;
import java.nio.file.Path;
import java.util.List;

/// A recipe as it was read: the records for whoever runs it, and the settings for whoever wants to know why.
public record RecipeFile(Recipe recipe, EffectiveSettings settings) {

    /// Reads `file` with `sets` over it.
    ///
    /// A path in the file is relative to the file, a path in `sets` to the current directory. Models, datasets and
    /// templates must exist.
    ///
    /// @param sets `key.path=value` each, the value in YAML; of two for one key the later holds
    /// @throws RecipeException with everything that is wrong, each with its position
    public static RecipeFile load(Path file, List<String> sets) {
        Problems problems = new Problems();
        YamlValue document = YamlReader.read(SourceText.ofFile(file), problems)
                .orElseThrow(() -> notARecipe(new Origin.InFile(file, 1, 1), "nothing"));
        if (!(document instanceof Mapping written)) {
            throw notARecipe(document.at(), document.found());
        }
        Mapping root = written;
        for (String set : sets) {
            root = SetFlag.apply(set, root, problems);
        }
        Settings settings = SettingsReader.read(file.toAbsolutePath().normalize(), root, problems);
        RecipeChecks.run(settings, problems);
        problems.throwIfAny();
        return new RecipeFile(RecipeAssembly.assemble(settings), EffectiveSettings.of(settings));
    }

    private static RecipeException notARecipe(Origin at, String found) {
        return new RecipeException(List.of(new RecipeProblem(
                at,
                "expected a mapping with the keys %s, found %s"
                        .formatted(String.join(", ", RecipeSchema.names("")), found),
                "start from a recipe in examples/")));
    }
}
