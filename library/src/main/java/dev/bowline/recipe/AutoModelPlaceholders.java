package dev.bowline.recipe;

import dev.bowline.recipe.AutoModelTargets.Meaning;
import dev.bowline.recipe.AutoModelTargets.Slot;
import dev.bowline.recipe.YamlValue.Entry;
import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import java.util.List;
import java.util.Optional;

/// Invented data and models with fresh weights, which AutoModel's benchmarks use, where the command line gives the real
/// ones.
final class AutoModelPlaceholders {

    private static final String MODEL = "model";
    private static final String TRAINING = "dataset";
    private static final String VALIDATION = "validation_dataset";

    private final Diagnostics diagnostics;

    AutoModelPlaceholders(Diagnostics diagnostics) {
        this.diagnostics = diagnostics;
    }

    Mapping replace(Mapping root) {
        Mapping replaced = model(root);
        boolean hasData =
                isPlaceholder(root, TRAINING, Slot.DATASET) && isFlagged(root, TRAINING, AutoModelDatasets.SOURCES);
        for (String section : List.of(TRAINING, VALIDATION)) {
            if (!isPlaceholder(root, section, Slot.DATASET)) {
                continue;
            }
            if (isFlagged(root, section, AutoModelDatasets.SOURCES)) {
                replaced = data(replaced, section);
            } else if (hasData) {
                Entry invented = root.entry(section).orElseThrow();
                diagnostics.translated(
                        invented.keyAt(),
                        section,
                        "it is generated data, so nothing is validated; give --set %s.path=FILE".formatted(section));
                replaced = replaced.without(List.of(section));
            }
        }
        return replaced;
    }

    private Mapping model(Mapping root) {
        if (!isPlaceholder(root, MODEL, Slot.MODEL)
                || !isFlagged(root, MODEL, List.of("pretrained_model_name_or_path"))) {
            return root;
        }
        Mapping replaced = root;
        for (String key : List.of("_target_", "config")) {
            Optional<YamlValue> there = root.find(List.of(MODEL, key));
            there.ifPresent(value -> diagnostics.translated(
                    value.at(), MODEL + "." + key, "replaced by the checkpoint of the command line"));
            replaced = replaced.without(List.of(MODEL, key));
        }
        return replaced;
    }

    /// The section with the keys that any data has.
    private Mapping data(Mapping root, String section) {
        Mapping replaced = root;
        for (Entry entry : ((Mapping) root.find(List.of(section)).orElseThrow()).entries()) {
            String path = section + "." + entry.key();
            boolean isOfAnyData = RecipeSchema.key(section, entry.key()).isPresent()
                    || AutoModelDatasets.SOURCES.contains(entry.key())
                    || RecipeSchema.SECTIONS.contains(path);
            if (!isOfAnyData) {
                diagnostics.translated(entry.keyAt(), path, "generated data, replaced by the data of the command line");
                replaced = replaced.without(List.of(section, entry.key()));
            }
        }
        return replaced;
    }

    private static boolean isPlaceholder(Mapping root, String section, Slot slot) {
        return root.find(List.of(section, "_target_"))
                .flatMap(value ->
                        value instanceof Scalar scalar ? AutoModelTargets.find(slot, scalar.text()) : Optional.empty())
                .filter(target -> target.meaning() instanceof Meaning.Placeholder)
                .isPresent();
    }

    private static boolean isFlagged(Mapping root, String section, List<String> keys) {
        return keys.stream()
                .flatMap(key -> root.find(List.of(section, key)).stream())
                .anyMatch(value -> value.at() instanceof Origin.OnFlag);
    }
}
