package dev.bowline.recipe;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The command line that runs a recipe, to be copied into a shell.
///
/// @param sets `key.path=value` each, as given
record RunCommand(String recipe, List<String> sets) {

    private static final Pattern PLAIN = Pattern.compile("[\\w./:=,@%+-]+");

    static RunCommand of(RecipeFile file) {
        List<String> sets = file.settings().settings().stream()
                .map(EffectiveSettings.Setting::origin)
                .flatMap(origin ->
                        origin instanceof Origin.OnFlag(String assignment) ? Stream.of(assignment) : Stream.empty())
                .distinct()
                .toList();
        return new RunCommand(file.recipe().source().toString(), sets);
    }

    /// With `assignments` in place of what was given for the same keys.
    String with(List<String> assignments) {
        List<String> words = new ArrayList<>(List.of("bowline", "finetune", quoted(recipe)));
        Stream.concat(
                        sets.stream()
                                .filter(set -> assignments.stream()
                                        .noneMatch(other -> key(other).equals(key(set)))),
                        assignments.stream())
                .forEach(set -> words.addAll(List.of("--set", quoted(set))));
        return String.join(" ", words);
    }

    private static String key(String assignment) {
        return assignment.substring(0, assignment.indexOf('=')).strip();
    }

    private static String quoted(String word) {
        return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
