package dev.bowline.adapter;

import dev.bowline.adapter.format.AdapterKey;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.model.LanguageModel;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/// Refuses a file without values of modules that its settings name: a program that saves only some of the
/// trained values loses the others, and the modules would have the values of the base. A name that no module of
/// the model has loses nothing: PEFT's users write one list for many models.
final class TrainedValues {

    private static final Set<Part> COPIES = Set.of(Part.COPY, Part.COPY_BIAS);
    private static final Set<Part> PAIRS = Set.of(Part.LORA_A, Part.EMBEDDING_A);

    private final LanguageModel model;
    private final AdapterReader reader;
    private final LoraConfig config;
    private final TiedPair tied;

    private TrainedValues(LanguageModel model, AdapterReader reader) {
        this.model = model;
        this.reader = reader;
        config = reader.config();
        tied = TiedPair.of(model);
    }

    /// @throws dev.bowline.BowlineException that names the setting and the name
    static void require(LanguageModel model, AdapterReader reader) {
        TrainedValues values = new TrainedValues(model, reader);
        values.requireSaved();
        values.requireRows();
        values.requireTargets();
    }

    private void requireSaved() {
        Set<String> modules = new LinkedHashSet<>(EmbeddingParts.names(model));
        model.slots().keySet().forEach(slot -> modules.add(slot.substring(0, slot.lastIndexOf('.'))));
        for (String name : config.modulesToSave()) {
            require("modules_to_save", name, modules, COPIES, module -> SavedTargets.isInside(name, module));
        }
    }

    private void requireRows() {
        boolean hasRows = reader.keys().stream().anyMatch(key -> key.part() == Part.TOKENS);
        if (!config.trainableTokenIndices().isEmpty() && !hasRows) {
            throw refused(
                    "trainable_token_indices",
                    config.trainableTokenIndices().firstEntry().getKey());
        }
    }

    private void requireTargets() {
        if (config.targetModules() instanceof ModulePatterns.Named(List<String> names)) {
            Set<String> modules = new LinkedHashSet<>(EmbeddingParts.names(model));
            modules.addAll(model.linears().keySet());
            modules.removeIf(module -> AdapterTargets.isExcluded(config, module));
            for (String name : names) {
                require("target_modules", name, modules, PAIRS, module -> ModulePatterns.Named.matches(name, module));
            }
        }
    }

    private void require(String setting, String name, Set<String> modules, Set<Part> parts, Predicate<String> isNamed) {
        boolean isShared =
                config.tieMode() == TieMode.SHARED && modules.stream().anyMatch(m -> isNamed.test(m) && tied.has(m));
        boolean hasValues = reader.keys().stream()
                .filter(key -> parts.contains(key.part()))
                .map(AdapterKey::module)
                .anyMatch(module -> isNamed.test(module) || isShared && tied.has(module));
        if (!hasValues && modules.stream().anyMatch(isNamed)) {
            throw refused(setting, name);
        }
    }

    private RuntimeException refused(String setting, String name) {
        return reader.refused(
                "names '%s' in %s, and its file has no values of it".formatted(name, setting),
                ("save the adapter again with a program that keeps all trained values; if '%s' was not trained, remove"
                                + " it from %s in adapter_config.json")
                        .formatted(name, setting));
    }
}
