package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.recipe.FreezeConfig;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;

/// Excludes the components that a recipe names from training.
final class Freezing {

    private Freezing() {}

    /// Freezes every parameter of the named components. A tied head is one parameter with its embedding, so both
    /// are frozen together.
    ///
    /// @return one sentence per frozen component, for a report
    /// @throws BowlineException if the recipe freezes only one of a tied head and its embedding, or if no
    ///     component is left to train
    public static List<String> apply(LanguageModel model, FreezeConfig config) {
        requireOneHead(model, config, BowlineException::new);
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
        if (model.trainable().isEmpty()) {
            throw new BowlineException(
                    "freeze_config leaves nothing to train: %s".formatted(frozen),
                    "leave at least one component out of freeze_config");
        }
        return notes;
    }

    /// Refuses to train a tied head without its embedding, or the embedding without it: they are one parameter.
    ///
    /// @param refusal makes the exception from a problem and its fix
    static void requireOneHead(
            LanguageModel model, FreezeConfig config, BiFunction<String, String, BowlineException> refusal) {
        if (!model.lmHead().isTied() || config.lmHead().isEmpty()) {
            return;
        }
        boolean headFrozen = config.lmHead().get();
        if (headFrozen != config.embeddings()) {
            throw refusal.apply(
                    "freeze_lm_head is %s and freeze_embeddings is %s, but '%s' is tied to '%s': they are one parameter"
                            .formatted(
                                    headFrozen,
                                    config.embeddings(),
                                    model.lmHead().path(),
                                    model.inputEmbedding().path()),
                    "remove freeze_lm_head; freeze_embeddings decides both");
        }
    }

    static Set<Component> components(FreezeConfig config) {
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
        if (config.lmHead().orElse(false)) {
            frozen.add(Component.LM_HEAD);
        }
        return frozen;
    }
}
