package dev.bowline.adapter;

import dev.bowline.adapter.AdaptedModule.EmbeddingPair;
import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.AdaptedModule.SavedModule;
import dev.bowline.adapter.AdaptedModule.TokenRows;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearStack;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/// Makes the parts of the modules of an adapter.
final class AdapterParts {

    /// The name that PEFT nests into a module for each further parameter of it.
    private static final String NESTED = ".base_layer";

    private final Map<String, Linear> linears;
    private final Map<String, LinearStack> stacks;
    private final LoraConfig config;
    private final List<AdaptedModule> modules;
    private final LanguageModel model;

    private AdapterParts(LanguageModel model, LoraConfig config, List<AdaptedModule> modules) {
        this.model = model;
        linears = model.linears();
        stacks = model.linearStacks();
        this.config = config;
        this.modules = modules;
    }

    /// Parts without values, in the order of `modules`.
    static List<AdapterPart> of(LanguageModel model, LoraConfig config, List<AdaptedModule> modules) {
        AdapterParts parts = new AdapterParts(model, config, modules);
        return modules.stream().map(parts::part).toList();
    }

    private AdapterPart part(AdaptedModule module) {
        return switch (module) {
            case LinearPair pair -> new LinearPart(pair, config, Objects.requireNonNull(linears.get(pair.module())));
            case ExpertPairs pairs ->
                new ExpertsPart(pairs, tensorName(pairs), Objects.requireNonNull(stacks.get(pairs.module())));
            case EmbeddingPair _, SavedModule _, TokenRows _ -> EmbeddingParts.part(model, module);
        };
    }

    /// PEFT wraps the module of several parameters once per parameter, so the first of n is the innermost.
    private String tensorName(ExpertPairs pairs) {
        String around = around(pairs.module());
        Set<String> adapted = modules.stream()
                .filter(ExpertPairs.class::isInstance)
                .map(AdaptedModule::module)
                .collect(Collectors.toSet());
        List<String> ofModule = stacks.keySet().stream()
                .filter(stack -> around(stack).equals(around) && adapted.contains(stack))
                .toList();
        return around + NESTED.repeat(ofModule.size() - 1 - ofModule.indexOf(pairs.module()));
    }

    private static String around(String parameter) {
        return parameter.substring(0, parameter.lastIndexOf('.'));
    }
}
