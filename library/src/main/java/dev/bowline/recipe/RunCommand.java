package dev.bowline.recipe;

import dev.bowline.Remedy;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// A run of a recipe, to be repeated with changes.
///
/// @param sets `key.path=value` each, as given
record RunCommand(Path recipe, List<String> sets) {

    static RunCommand of(RecipeFile file) {
        List<String> sets = file.settings().settings().stream()
                .map(EffectiveSettings.Setting::origin)
                .flatMap(origin ->
                        origin instanceof Origin.OnFlag(String assignment) ? Stream.of(assignment) : Stream.empty())
                .distinct()
                .toList();
        return new RunCommand(file.recipe().source(), sets);
    }

    /// Returns the run with `assignments` in place of earlier ones for the same keys.
    Remedy.FineTune with(List<String> assignments) {
        Stream<String> kept = sets.stream()
                .filter(set ->
                        assignments.stream().noneMatch(other -> key(other).equals(key(set))));
        return new Remedy.FineTune(
                recipe, Stream.concat(kept, assignments.stream()).toList());
    }

    private static String key(String assignment) {
        return assignment.substring(0, assignment.indexOf('=')).strip();
    }
}
