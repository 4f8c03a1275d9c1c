package dev.bowline.recipe;

/// Which components keep the checkpoint's values.
///
/// @param embeddings the token embedding and, when it is tied, the head with it
/// @param visionTower passed through unchanged in every run
/// @param audioTower passed through unchanged in every run
/// @param languageModel false in every run, as nothing would be left to train
/// @param router the routers of a mixture of experts
/// @param experts the experts of a mixture of experts
/// @param norms every norm of the language model
public record FreezeConfig(
        boolean embeddings,
        boolean visionTower,
        boolean audioTower,
        boolean languageModel,
        boolean router,
        boolean experts,
        boolean norms) {

    public FreezeConfig {
        Require.that(visionTower && audioTower, "vision and audio towers cannot be trained");
        Require.that(!languageModel, "freezing the language model leaves nothing to train");
    }
}
