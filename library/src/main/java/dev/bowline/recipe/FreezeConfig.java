package dev.bowline.recipe;

import java.util.Optional;

/// Which components keep the checkpoint's values.
///
/// @param embeddings the token embedding and, when it is tied, the head with it
/// @param visionTower passed through unchanged in every run
/// @param audioTower passed through unchanged in every run
/// @param languageModel false in every run, as nothing would be left to train
/// @param router the routers of a mixture of experts
/// @param experts the experts of a mixture of experts
/// @param norms every norm of the language model
/// @param lmHead whether the head is frozen, where the recipe says it; otherwise a tied head goes with the embedding
/// and
///     a separate one is trained
public record FreezeConfig(
        boolean embeddings,
        boolean visionTower,
        boolean audioTower,
        boolean languageModel,
        boolean router,
        boolean experts,
        boolean norms,
        Optional<Boolean> lmHead) {

    public FreezeConfig {
        Require.that(visionTower && audioTower, "vision and audio towers cannot be trained");
        Require.that(!languageModel, "freezing the language model leaves nothing to train");
    }

    /// Says nothing of the head.
    public FreezeConfig(
            boolean embeddings,
            boolean visionTower,
            boolean audioTower,
            boolean languageModel,
            boolean router,
            boolean experts,
            boolean norms) {
        this(embeddings, visionTower, audioTower, languageModel, router, experts, norms, Optional.empty());
    }
}
