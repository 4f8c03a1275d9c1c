package dev.bowline.recipe;

import java.util.List;

/// An optimizer of AutoModel's recipes that is AdamW, at least without weight decay.
///
/// @param target as recipes name it
/// @param coupling where weight decay acts
/// @param weightDecay the decay where the recipe gives none
record AutoModelOptimizer(String target, Coupling coupling, double weightDecay) {

    /// The parameters that weight decay applies to.
    enum Coupling {
        /// On the weight, as in AdamW.
        DECOUPLED,
        /// On the gradient, as in Adam, which without decay is AdamW.
        COUPLED
    }

    static final List<AutoModelOptimizer> ALL = List.of(
            new AutoModelOptimizer("torch.optim.AdamW", Coupling.DECOUPLED, 0.01),
            new AutoModelOptimizer("torch.optim.Adam", Coupling.COUPLED, 0),
            new AutoModelOptimizer("transformer_engine.pytorch.optimizers.fused_adam.FusedAdam", Coupling.DECOUPLED, 0),
            new AutoModelOptimizer("flashoptim.FlashAdamW", Coupling.DECOUPLED, 0.01));
}
