package dev.bowline.recipe;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The keys of a recipe, in the order of the guide and of `explain`. Each section declares its own.
final class RecipeSchema {

    /// Sections that a recipe can do without, so that their required keys are required only with them.
    static final Set<String> OPTIONAL_SECTIONS = Set.of(DatasetKeys.VALIDATION.section.path());

    static final List<Key<?>> KEYS = Stream.of(
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
                    Recipe.LOSS)
            .flatMap(section -> section.keys().stream())
            .collect(Collectors.toUnmodifiableList());

    /// Every mapping a recipe may have, dotted.
    static final Set<String> SECTIONS = KEYS.stream()
            .map(Key::section)
            .flatMap(section -> section.contains(".")
                    ? Stream.of(section, section.substring(0, section.indexOf('.')))
                    : Stream.of(section))
            .filter(section -> !section.isEmpty())
            .collect(Collectors.toUnmodifiableSet());

    private RecipeSchema() {}

    /// The key in `section` with this name or alias.
    static Optional<Key<?>> key(String section, String name) {
        return KEYS.stream()
                .filter(key -> key.section().equals(section) && key.answersTo(name))
                .findFirst();
    }

    /// The names of the keys and sections directly in `section`.
    static List<String> names(String section) {
        String prefix = section.isEmpty() ? "" : section + ".";
        return KEYS.stream()
                .map(Key::path)
                .filter(path -> path.startsWith(prefix))
                .map(path -> Key.segments(path.substring(prefix.length())).getFirst())
                .distinct()
                .toList();
    }
}
