package dev.bowline.adapter;

import dev.bowline.adapter.AdaptedModule.EmbeddingPair;
import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.AdaptedModule.SavedModule;
import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.adapter.format.TargetNames;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearStack;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Collectors;

/// The settings of an adapter as PEFT must read them: the names of the modules that the adapter changes. A
/// pattern and `all-linear` can stand for other modules in PEFT, which knows parts of a model, such as a
/// vision tower, that Bowline does not compute.
final class AdapterSettings {

    /// The names of target_modules that PEFT 0.21 replaces by stacked weights in a Qwen MoE model.
    private static final Set<String> EXPERTS_OF_PEFT = Set.of("gate_proj", "up_proj", "down_proj");

    private final LanguageModel model;
    private final boolean hasGates;
    private final Map<String, Linear> linears;
    private final Map<String, LinearStack> stacks;

    private AdapterSettings(LanguageModel model) {
        this.model = model;
        linears = model.linears();
        stacks = model.linearStacks();
        hasGates = linears.keySet().stream().anyMatch(name -> name.endsWith(".gate"));
    }

    /// The same settings with the modules by name, and without `exclude_modules`.
    static LoraConfig explicit(LanguageModel model, LoraConfig config, List<AdaptedModule> modules) {
        AdapterSettings settings = new AdapterSettings(model);
        Set<String> targets = new LinkedHashSet<>();
        Set<String> parameters = new LinkedHashSet<>();
        SequencedMap<String, Long> ranks = new LinkedHashMap<>();
        SequencedMap<String, Double> alphas = new LinkedHashMap<>();
        for (AdaptedModule module : modules) {
            switch (module) {
                case LinearPair pair
                when settings.isParameter(pair) -> {
                    String name = name(pair);
                    parameters.add(name);
                    if (config.rank(name) != pair.rank()) {
                        ranks.put(escaped(name), pair.rank());
                    }
                    if (config.alpha(name) != config.alpha(pair.module())) {
                        alphas.put(escaped(name), config.alpha(pair.module()));
                    }
                }
                case LinearPair pair -> targets.add(pair.module());
                case ExpertPairs pairs -> parameters.add(pairs.module());
                case EmbeddingPair pair -> targets.add(pair.module());
                case SavedModule _, TokenRows _ -> {}
            }
        }
        ranks.putAll(config.rankPattern());
        alphas.putAll(config.alphaPattern());
        return new LoraConfig(
                config.r(),
                config.loraAlpha(),
                config.loraDropout(),
                config.dropoutPosition(),
                config.scaling(),
                config.variant(),
                config.loraAInit(),
                settings.targets(targets, sharedNames(modules)),
                ModulePatterns.NONE,
                TargetNames.shortest(parameters, settings.parameters()),
                config.modulesToSave(),
                ranks,
                alphas,
                config.trainableTokenIndices(),
                config.tieMode());
    }

    /// True for a linear that PEFT must adapt through its weight. The classes of the Qwen MoE models have a
    /// router that is no linear in transformers, and PEFT takes the names of a dense feed-forward for those
    /// of experts there.
    private boolean isParameter(LinearPair pair) {
        String last = pair.module().substring(pair.module().lastIndexOf('.') + 1);
        return last.equals("gate") || (hasGates && EXPERTS_OF_PEFT.contains(last));
    }

    private static String name(LinearPair pair) {
        return pair.module() + ".weight";
    }

    /// PEFT ties the head to an adapted embedding if a regular expression also matches the last part of the
    /// name.
    private static List<String> sharedNames(List<AdaptedModule> modules) {
        return modules.stream()
                .filter(module -> module instanceof EmbeddingPair pair && pair.uses() == Uses.BOTH)
                .map(module -> module.module().substring(module.module().lastIndexOf('.') + 1))
                .toList();
    }

    private ModulePatterns targets(Set<String> targets, List<String> shared) {
        List<String> names = TargetNames.shortest(targets, modules());
        String decoder = model.decoder().path();
        if (decoder.equals("model") || names.isEmpty()) {
            return new ModulePatterns.Named(names);
        }
        // A vision tower has modules of the same last names.
        List<String> choices = new ArrayList<>();
        List<String> inside = names.stream()
                .filter(name ->
                        targets.stream().anyMatch(target -> target.startsWith(decoder + ".") && ends(target, name)))
                .toList();
        if (!inside.isEmpty()) {
            choices.add("%s\\.(.*\\.)?(%s)".formatted(escaped(decoder), alternatives(inside)));
        }
        names.stream()
                .filter(name -> !inside.contains(name))
                .map(AdapterSettings::escaped)
                .forEach(choices::add);
        choices.addAll(shared);
        return new ModulePatterns.Regex(String.join("|", choices));
    }

    private static boolean ends(String target, String name) {
        return ModulePatterns.Named.matches(name, target);
    }

    private static String alternatives(List<String> names) {
        return names.stream().map(AdapterSettings::escaped).collect(Collectors.joining("|"));
    }

    private static String escaped(String name) {
        return name.replace(".", "\\.");
    }

    private Set<String> modules() {
        Set<String> modules = new LinkedHashSet<>(linears.keySet());
        stacks.values().forEach(stack -> stack.experts().forEach(expert -> modules.remove(expert.path())));
        modules.addAll(model.embeddings().keySet());
        return modules;
    }

    private Set<String> parameters() {
        Set<String> parameters = new LinkedHashSet<>(stacks.keySet());
        modules().forEach(module -> parameters.add(module + ".weight"));
        return parameters;
    }
}
