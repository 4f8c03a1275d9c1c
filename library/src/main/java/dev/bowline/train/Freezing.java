package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.model.Component;
import dev.bowline.nn.Parameter;
import dev.bowline.recipe.FreezeConfig;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// Excludes the components a recipe names from training.
public final class Freezing {

    private Freezing() {}

    /// Freezes every parameter of the named components. A tied head is its embedding, so it is frozen with it.
    ///
    /// @return what happened, a sentence each, for a report
    public static List<String> apply(CausalLanguageModel model, FreezeConfig config) {
        Set<Component> frozen = components(config);
        List<String> notes = new ArrayList<>();
        for (Component component : frozen) {
            List<Parameter> parameters = model.parameters().entrySet().stream()
                    .filter(entry -> model.component(entry.getKey()) == component)
                    .map(java.util.Map.Entry::getValue)
                    .toList();
            parameters.forEach(Parameter::freeze);
            if (!parameters.isEmpty()) {
                notes.add("frozen: %s (%,d parameters)"
                        .formatted(
                                component,
                                parameters.stream()
                                        .mapToLong(Parameter::elements)
                                        .sum()));
            }
        }
        if (frozen.contains(Component.EMBEDDINGS) && model.lmHead().isTied()) {
            notes.add("frozen with the embeddings: lm_head, which is tied to '%s'"
                    .formatted(model.inputEmbedding().path()));
        }
        if (model.trained().isEmpty()) {
            throw new BowlineException(
                    "freeze_config leaves nothing to train: %s".formatted(frozen),
                    "leave at least one component out of freeze_config");
        }
        return notes;
    }

    private static Set<Component> components(FreezeConfig config) {
        Set<Component> frozen = EnumSet.noneOf(Component.class);
        if (config.embeddings()) {
            frozen.add(Component.EMBEDDINGS);
            frozen.add(Component.PER_LAYER_EMBEDDINGS);
        }
        if (config.router()) {
            frozen.add(Component.ROUTER);
        }
        if (config.experts()) {
            frozen.add(Component.EXPERTS);
        }
        if (config.norms()) {
            frozen.add(Component.NORMS);
        }
        return frozen;
    }
}
