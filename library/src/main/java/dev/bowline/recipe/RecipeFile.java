package dev.bowline.recipe;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// A recipe that was read: the records for a run, and the settings with their origins for a report.
///
/// @param places the position of each given key, or of the section for a key that is not given
/// @param notes on the reading of NeMo AutoModel's keys, in the order of the file
public record RecipeFile(Recipe recipe, EffectiveSettings settings, Map<String, Origin> places, List<Note> notes) {

    /// The reading of one key of a NeMo AutoModel recipe whose effect differs from its name or value.
    ///
    /// @param at the position in the recipe
    /// @param key dotted
    /// @param effect of the key on the run
    /// @param text a sentence that begins with the key
    public record Note(Origin at, String key, Effect effect, String text) {

        /// The position and the sentence on one line.
        public String line() {
            return at + ": " + text;
        }
    }

    /// The effect of a key on the run.
    public enum Effect {
        /// It changes nothing that is trained.
        NONE,
        /// It is read with a meaning that the text gives.
        TRANSLATED
    }

    public RecipeFile {
        notes = List.copyOf(notes);
        places = Map.copyOf(places);
    }

    /// A recipe that a program made, without settings. Its errors have the start of its source as position.
    public static RecipeFile of(Recipe recipe) {
        return new RecipeFile(recipe, new EffectiveSettings(List.of()), Map.of(), List.of());
    }

    /// An error of a key that only the model or the data shows, at the key's position.
    ///
    /// @param key dotted
    public RecipeException wrong(String key, String problem, String fix) {
        return wrong(key, problem, Fix.of(fix));
    }

    /// The same, with operations of Bowline in the fix as data.
    public RecipeException wrong(String key, String problem, Fix fix) {
        Origin at = places.getOrDefault(key, new Origin.InFile(recipe.source(), 1, 1));
        return new RecipeException(List.of(new RecipeException.Problem(at, problem, fix)));
    }

    /// An error of a setting of the adapter, at the position of its key.
    ///
    /// @param setting by any of its names, such as `r`
    public RecipeException wrongAdapter(String setting, String problem, String fix) {
        String key = RecipeSchema.RECIPE
                .key(PeftSection.SECTION.path(), setting)
                .map(Key::path)
                .orElse(PeftSection.TARGET_MODULES.path());
        return wrong(key, "peft: " + problem, fix);
    }

    /// The run of this recipe with the same overrides and `assignments`; for a recipe that a program made, the
    /// changes alone.
    ///
    /// @param assignments `key.path=value` each
    public Fix again(String... assignments) {
        return settings.settings().isEmpty()
                ? Fix.of("the same recipe with " + String.join(", ", assignments))
                : Fix.of(new Remedy.FineTune(recipe.source(), overridesWith(List.of(assignments))));
    }

    /// The overrides of this recipe, with `assignments` in place of the overrides of the same keys.
    private List<String> overridesWith(List<String> assignments) {
        Stream<String> kept = settings.settings().stream()
                .map(EffectiveSettings.Setting::origin)
                .flatMap(origin ->
                        origin instanceof Origin.OnFlag(String assignment) ? Stream.of(assignment) : Stream.empty())
                .distinct()
                .filter(set ->
                        assignments.stream().noneMatch(other -> segments(other).equals(segments(set))));
        return Stream.concat(kept, assignments.stream()).toList();
    }

    /// Reads `file` with `sets` over it.
    ///
    /// A path in the file is relative to the file, a path in `sets` to the current directory. Models,
    /// datasets and templates must exist.
    ///
    /// @param sets `key.path=value` each, the value in YAML; of two for one key the later holds
    /// @throws RecipeException with every problem and its position
    public static RecipeFile load(Path file, List<String> sets) {
        Diagnostics diagnostics = new Diagnostics();
        YamlValue document = YamlReader.read(SourceText.ofFile(file), diagnostics)
                .orElseThrow(() -> notARecipe(new Origin.InFile(file, 1, 1), "nothing"));
        if (!(document instanceof Mapping written)) {
            throw notARecipe(document.at(), document.found());
        }
        Mapping root = written;
        for (String set : sets) {
            root = override(root, set, diagnostics);
        }
        return read(file.toAbsolutePath().normalize(), root, diagnostics);
    }

    static RecipeFile read(Path source, Mapping root, Diagnostics diagnostics) {
        RecipeValues values = ValuesReader.read(
                RecipeSchema.RECIPE, source, AutoModelRecipe.translate(source, root, diagnostics), diagnostics);
        Recipe.check(values);
        diagnostics.throwIfAny();
        Map<String, Origin> places = new HashMap<>();
        RecipeSchema.RECIPE.keys().forEach(key -> places.put(key.path(), values.where(key)));
        return new RecipeFile(
                Recipe.of(values), EffectiveSettings.of(RecipeSchema.RECIPE, values), places, diagnostics.notes());
    }

    /// True if `set` has the form `key.path=value`.
    public static boolean isAssignment(String set) {
        return set.indexOf('=') >= 0 && segments(set).stream().noneMatch(String::isBlank);
    }

    /// `root` with the value of the assignment in it, in place of the value there under any name of the key.
    private static Mapping override(Mapping root, String assignment, Diagnostics diagnostics) {
        Origin.OnFlag flag = new Origin.OnFlag(assignment);
        if (!isAssignment(assignment)) {
            diagnostics.problem(
                    flag, "expected key.path=value", Fix.of("such as: ").and(new Remedy.Assign("optimizer.lr=1e-5")));
            return root;
        }
        String text = assignment.substring(assignment.indexOf('=') + 1);
        YamlValue value =
                YamlReader.read(SourceText.ofFlag(text, flag), diagnostics).orElse(new Scalar("", true, flag));
        List<String> segments = segments(assignment);
        return withoutOtherNames(root, segments).with(segments, value);
    }

    private static List<String> segments(String assignment) {
        int equals = assignment.indexOf('=');
        return Key.segments(
                equals < 0 ? assignment : assignment.substring(0, equals).strip());
    }

    private static Mapping withoutOtherNames(Mapping root, List<String> segments) {
        List<String> section = segments.subList(0, segments.size() - 1);
        Optional<Key<?>> key = RecipeSchema.RECIPE.key(String.join(".", section), segments.getLast());
        Mapping cleared = root;
        if (key.isPresent()) {
            cleared = cleared.without(Key.segments(key.get().path()));
            for (String alias : key.get().aliases()) {
                List<String> other = new ArrayList<>(section);
                other.add(alias);
                cleared = cleared.without(other);
            }
        }
        return cleared;
    }

    private static RecipeException notARecipe(Origin at, String found) {
        return new RecipeException(List.of(new RecipeException.Problem(
                at,
                "expected a mapping with the keys %s, found %s"
                        .formatted(String.join(", ", RecipeSchema.RECIPE.names("")), found),
                "start from a recipe in examples/")));
    }
}
