package dev.bowline.recipe;

import dev.bowline.optim.Schedule;
import dev.bowline.optim.StateDtype;
import dev.bowline.recipe.Key.Default;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The default of each key: the schema's, or AutoModel's in an AutoModel recipe.
final class AutoModelDefaults {

    /// An optimizer of AutoModel's recipes that is AdamW, or that is AdamW without weight decay.
    ///
    /// @param target the name in recipes
    /// @param coupling of the weight decay
    /// @param weightDecay the decay where the recipe gives none
    /// @param stateDtype the dtype of its moments
    record Optimizer(String target, Coupling coupling, double weightDecay, StateDtype stateDtype) {

        private Optimizer(String target, Coupling coupling, double weightDecay) {
            this(target, coupling, weightDecay, StateDtype.FLOAT32);
        }
    }

    /// The value that weight decay changes.
    enum Coupling {
        /// The weight, as in AdamW.
        DECOUPLED,
        /// The gradient, as in Adam, which without decay is AdamW.
        COUPLED
    }

    static final List<Optimizer> OPTIMIZERS = List.of(
            new Optimizer("torch.optim.AdamW", Coupling.DECOUPLED, 0.01),
            new Optimizer("torch.optim.Adam", Coupling.COUPLED, 0),
            new Optimizer("transformer_engine.pytorch.optimizers.fused_adam.FusedAdam", Coupling.DECOUPLED, 0),
            new Optimizer("flashoptim.FlashAdamW", Coupling.DECOUPLED, 0.01),
            new Optimizer("bitsandbytes.optim.AdamW8bit", Coupling.DECOUPLED, 0.01, StateDtype.INT8),
            new Optimizer("torchao.optim.AdamW8bit", Coupling.DECOUPLED, 0.01, StateDtype.INT8));

    /// The learning rate without and with an `lr_scheduler` in the recipe.
    enum Rate {
        CONSTANT,
        SCHEDULED
    }

    private final Map<String, Default<?>> defaults = new HashMap<>();

    private AutoModelDefaults() {}

    static AutoModelDefaults ofBowline() {
        return new AutoModelDefaults();
    }

    /// @param optimizer the optimizer of the recipe, if it is known
    /// @param rate of the recipe; constant without an `lr_scheduler`
    static AutoModelDefaults ofAutoModel(Optional<Optimizer> optimizer, Rate rate) {
        AutoModelDefaults defaults = new AutoModelDefaults();
        defaults.put(Recipe.SEED, Default.of(42L, "the top-level seed; rng is not read"));
        defaults.put(StepScheduler.GLOBAL_BATCH_SIZE, Default.of(32, "32"));
        defaults.put(StepScheduler.LOCAL_BATCH_SIZE, Default.of(1, "1"));
        defaults.put(StepScheduler.NUM_EPOCHS, Default.of(Optional.of(10), "10, or max_steps if that comes first"));
        defaults.put(StepScheduler.CKPT_EVERY_STEPS, Default.of(Optional.of(100), "every 100 steps"));
        defaults.put(
                CheckpointSection.MAX_RECENT_CHECKPOINTS, Default.of(Optional.empty(), "all checkpoints are kept"));
        defaults.put(Recipe.MAX_NORM, Default.of(Optional.of(1.0), "1.0"));
        if (optimizer.isPresent()) {
            String name = optimizer.get().target();
            String simple = name.substring(name.lastIndexOf('.') + 1);
            defaults.put(OptimizerSection.LR, Default.of(1e-3, "that of " + simple));
            defaults.put(
                    OptimizerSection.WEIGHT_DECAY, Default.of(optimizer.get().weightDecay(), "that of " + simple));
            defaults.put(
                    OptimizerSection.DECAY_NORMS_AND_BIASES,
                    Default.of(true, simple + " decays every parameter, norms and biases too"));
            if (optimizer.get().stateDtype() != StateDtype.FLOAT32) {
                defaults.put(
                        OptimizerSection.STATE_DTYPE, Default.of(optimizer.get().stateDtype(), "that of " + simple));
            }
        }
        AutoModelPeft.defaults(defaults);
        defaults.put(DistributedSection.STRATEGY, Default.of(DistributedSection.Strategy.FSDP, "fsdp2"));
        defaults.put(
                DistributedSection.SUMMATION,
                Default.of(Optional.empty(), "fixed over ranks; one process trains as without the section"));
        switch (rate) {
            case SCHEDULED -> defaults.schedule();
            case CONSTANT ->
                defaults.put(
                        LrScheduler.LR_DECAY_STYLE,
                        Default.of(Schedule.Decay.CONSTANT, "without an lr_scheduler the rate does not change"));
        }
        return defaults;
    }

    private void schedule() {
        put(LrScheduler.LR_DECAY_STYLE, Default.of(Schedule.Decay.COSINE, "cosine"));
        put(LrScheduler.LR_WARMUP_STEPS, Default.of(Optional.empty(), "a tenth of the run's steps, at most 1000"));
        put(LrScheduler.INIT_LR, Default.from(values -> ofLr(values, 1), "a tenth of optimizer.lr"));
        put(LrScheduler.MIN_LR, Default.from(values -> ofLr(values, 2), "a hundredth of optimizer.lr"));
        put(LrScheduler.START_AT_INIT_LR, Default.of(true, "the first step has init_lr"));
    }

    /// In decimals: a tenth of 2e-5 is printed as 2e-6.
    private static double ofLr(RecipeValues values, int digits) {
        return BigDecimal.valueOf(values.find(OptimizerSection.LR).orElse(0.0))
                .movePointLeft(digits)
                .doubleValue();
    }

    <T> void put(Key<T> key, Default<T> absent) {
        defaults.put(key.path(), absent);
    }

    /// Only [#put] writes, and it ties the type of the default to the type of the key.
    @SuppressWarnings("unchecked")
    <T> Default<T> of(Key<T> key) {
        return (Default<T>) defaults.getOrDefault(key.path(), key.byDefault());
    }

    /// True if AutoModel has a default of its own for `key`.
    boolean has(Key<?> key) {
        return defaults.containsKey(key.path());
    }

    Origin origin(Key<?> key, String reason) {
        return has(key) ? new Origin.AutoModelDefault(reason) : new Origin.Default(reason);
    }
}
