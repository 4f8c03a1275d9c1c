package dev.bowline.recipe;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The keys that a YAML file may have, in the order of the guide and of `explain`. Each section declares its own.
///
/// @param keys in order
/// @param sections every mapping a file may have, dotted
record RecipeSchema(List<Key<?>> keys, Set<String> sections) {

    /// The schema of a recipe.
    static final RecipeSchema RECIPE = of(List.of(
            Recipe.TOP,
            ModelSection.SECTION,
            DatasetKeys.TRAINING.section,
            DatasetKeys.VALIDATION.section,
            PackedSequence.SECTION,
            StepScheduler.SECTION,
            OptimizerSection.SECTION,
            LrScheduler.SECTION,
            Recipe.CLIPPING,
            CheckpointSection.SECTION,
            FreezeConfig.SECTION,
            PeftSection.SECTION,
            Recipe.LOSS,
            DistributedSection.SECTION,
            EvaluateSection.SECTION,
            LoggingSection.SECTION));

    RecipeSchema {
        keys = List.copyOf(keys);
        sections = Set.copyOf(sections);
    }

    static RecipeSchema of(List<Section> declared) {
        List<Key<?>> keys =
                declared.stream().flatMap(section -> section.keys().stream()).collect(Collectors.toUnmodifiableList());
        Set<String> sections = keys.stream()
                .map(Key::section)
                .flatMap(section -> section.contains(".")
                        ? Stream.of(section, section.substring(0, section.indexOf('.')))
                        : Stream.of(section))
                .filter(section -> !section.isEmpty())
                .collect(Collectors.toUnmodifiableSet());
        return new RecipeSchema(keys, sections);
    }

    /// True for a section that a recipe can do without: its required keys are required only with it.
    static boolean isOptional(String section) {
        return Set.of(
                        DatasetKeys.VALIDATION.section.path(),
                        PeftSection.SECTION.path(),
                        DistributedSection.SECTION.path(),
                        EvaluateSection.SECTION.path())
                .contains(section);
    }

    /// The key in `section` with this name or alias.
    Optional<Key<?>> key(String section, String name) {
        return keys.stream()
                .filter(key -> key.section().equals(section) && key.answersTo(name))
                .findFirst();
    }

    /// The names of the keys and sections directly in `section`.
    List<String> names(String section) {
        String prefix = section.isEmpty() ? "" : section + ".";
        return keys.stream()
                .map(Key::path)
                .filter(path -> path.startsWith(prefix))
                .map(path -> Key.segments(path.substring(prefix.length())).getFirst())
                .distinct()
                .toList();
    }
}
