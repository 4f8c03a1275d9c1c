package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Mapping;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A recipe as it was read: the records for whoever runs it, and the settings for whoever wants to know why.
///
/// @param places where to change each key: where it is given, or else the section it would stand in
/// @param notes what became of keys of NeMo AutoModel, in the order of the file
public record RecipeFile(
        Recipe recipe, EffectiveSettings settings, Map<String, Origin> places, List<RecipeNote> notes) {

    public RecipeFile {
        notes = List.copyOf(notes);
        places = Map.copyOf(places);
    }

    /// A recipe that a program made, without settings; what is wrong with it is at the start of its source.
    public static RecipeFile of(Recipe recipe) {
        return new RecipeFile(recipe, new EffectiveSettings(List.of()), Map.of(), List.of());
    }

    /// What only the model or the data can tell is wrong with a key, at its position.
    ///
    /// @param key dotted
    public RecipeException wrong(String key, String problem, String fix) {
        Origin at = places.getOrDefault(key, new Origin.InFile(recipe.source(), 1, 1));
        return new RecipeException(List.of(new RecipeProblem(at, problem, fix)));
    }

    /// The command that runs this recipe as it was run, but for `assignments`; for a recipe that a program
    /// made, the changes alone.
    ///
    /// @param assignments `key.path=value` each
    public String command(String... assignments) {
        return settings.settings().isEmpty()
                ? "the same recipe with " + String.join(", ", assignments)
                : RunCommand.of(this).with(List.of(assignments));
    }

    /// Reads `file` with `sets` over it.
    ///
    /// A path in the file is relative to the file, a path in `sets` to the current directory. Models,
    /// datasets and templates must exist.
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
        return read(file.toAbsolutePath().normalize(), root, problems);
    }

    static RecipeFile read(Path source, Mapping root, Problems problems) {
        Notes notes = new Notes();
        Settings settings =
                SettingsReader.read(source, AutoModelRecipe.translate(source, root, problems, notes), problems);
        RecipeChecks.run(settings, problems);
        problems.throwIfAny();
        Map<String, Origin> places = new HashMap<>();
        RecipeSchema.KEYS.forEach(key -> places.put(key.path(), settings.where(key)));
        return new RecipeFile(RecipeAssembly.assemble(settings), EffectiveSettings.of(settings), places, notes.all());
    }

    /// Whether `set` has the form `key.path=value`.
    public static boolean isAssignment(String set) {
        return SetFlag.isAssignment(set);
    }

    private static RecipeException notARecipe(Origin at, String found) {
        return new RecipeException(List.of(new RecipeProblem(
                at,
                "expected a mapping with the keys %s, found %s"
                        .formatted(String.join(", ", RecipeSchema.names("")), found),
                "start from a recipe in examples/")));
    }
}
