package dev.bowline.recipe;

import dev.bowline.optim.StateDtype;
import java.util.List;

/// An optimizer of AutoModel's recipes that is AdamW, or that is AdamW without weight decay.
///
/// @param target the name in recipes
/// @param coupling where weight decay acts
/// @param weightDecay the decay where the recipe gives none
/// @param stateDtype the dtype of its moments
record AutoModelOptimizer(String target, Coupling coupling, double weightDecay, StateDtype stateDtype) {

    AutoModelOptimizer(String target, Coupling coupling, double weightDecay) {
        this(target, coupling, weightDecay, StateDtype.FLOAT32);
    }

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
            new AutoModelOptimizer("flashoptim.FlashAdamW", Coupling.DECOUPLED, 0.01),
            new AutoModelOptimizer("bitsandbytes.optim.AdamW8bit", Coupling.DECOUPLED, 0.01, StateDtype.INT8),
            new AutoModelOptimizer("torchao.optim.AdamW8bit", Coupling.DECOUPLED, 0.01, StateDtype.INT8));
}
