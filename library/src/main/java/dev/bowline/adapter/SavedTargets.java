package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import dev.bowline.adapter.AdaptedModule.SavedModule;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// The modules that `modules_to_save` names. By the rule of PEFT, a name stands for every module whose full name
/// ends with it, and for all modules inside such a module.
final class SavedTargets {

    private static final String WEIGHT = ".weight";
    private static final String BIAS = ".bias";

    private final LanguageModel model;
    private final Map<String, Slot> slots;

    private SavedTargets(LanguageModel model) {
        this.model = model;
        slots = model.slots();
        slots.values().removeIf(slot -> slot.role() == SlotRole.ADAPTER);
    }

    /// In the order of the model.
    static List<SavedModule> resolve(LanguageModel model, LoraConfig config, TiedPair tied) {
        SavedTargets targets = new SavedTargets(model);
        config.modulesToSave().forEach(targets::requireNamed);
        SequencedMap<String, SavedModule> saved = new LinkedHashMap<>();
        for (String slot : targets.slots.keySet()) {
            String module = slot.substring(0, slot.lastIndexOf('.'));
            if (isNamed(config, module) && !saved.containsKey(module)) {
                Uses uses = tied.uses(module, "modules_to_save", config.tieMode());
                String kept = uses == Uses.BOTH ? tied.embedding() : module;
                if (!saved.containsKey(kept)) {
                    saved.put(kept, targets.module(kept, uses));
                }
            }
        }
        return List.copyOf(saved.values());
    }

    static boolean isNamed(LoraConfig config, String module) {
        return config.modulesToSave().stream().anyMatch(name -> isInside(name, module));
    }

    /// True if `name` is the end of a module's full name, or of the name of a module around it.
    static boolean isInside(String name, String module) {
        for (String around = module; !around.isEmpty(); around = around(around)) {
            if (around.endsWith(name)) {
                return true;
            }
        }
        return false;
    }

    private static String around(String module) {
        return module.contains(".") ? module.substring(0, module.lastIndexOf('.')) : "";
    }

    private void requireNamed(String name) {
        Set<String> modules = new LinkedHashSet<>();
        slots.keySet().forEach(slot -> {
            for (String module = around(slot); !module.isEmpty(); module = around(module)) {
                modules.add(module);
                modules.add(module.substring(module.lastIndexOf('.') + 1));
            }
        });
        if (name.isEmpty() || modules.stream().noneMatch(module -> module.endsWith(name))) {
            throw new AdapterSettingException(
                    "modules_to_save",
                    "modules_to_save has '%s', which names nothing in the model%s"
                            .formatted(name, NearestNames.hint(name, modules)),
                    "correct '%s', or remove it".formatted(name));
        }
    }

    /// @throws BowlineException if the module has values other than a weight and a bias of its own
    SavedModule module(String module, Uses uses) {
        Slot weight = slots.get(module + WEIGHT);
        boolean isLayer = model.embeddings().containsKey(module)
                || model.norms().containsKey(module)
                || Optional.ofNullable(model.linears().get(module))
                        .filter(SavedTargets::hasOwnWeight)
                        .isPresent();
        if (!isLayer || weight == null) {
            throw new AdapterSettingException(
                    "modules_to_save",
                    "modules_to_save names '%s', which has values that cannot be saved as a copy: %s"
                            .formatted(
                                    module,
                                    slots.keySet().stream()
                                            .filter(slot -> around(slot).equals(module))
                                            .toList()),
                    "name linears, norms, embeddings or the head in modules_to_save, and stacked experts in"
                            + " target_parameters");
        }
        if (weight.get().quantization().isPresent()) {
            throw new AdapterSettingException(
                    "modules_to_save",
                    "modules_to_save names '%s', which is quantised".formatted(module),
                    "leave it out of modules_to_save, or train without model.quantization");
        }
        Slot bias = slots.get(module + BIAS);
        return new SavedModule(
                module,
                Arrays.stream(weight.shape()).boxed().toList(),
                bias == null ? 0 : bias.get().elements(),
                uses);
    }

    private static boolean hasOwnWeight(Linear linear) {
        return linear.weight().path().equals(linear.path() + WEIGHT);
    }

    /// The module of a copy in a file.
    static SavedModule inFile(LanguageModel model, String module, Uses uses) {
        return new SavedTargets(model).module(module, uses);
    }
}
