package dev.bowline.recipe;

import dev.bowline.optim.Schedule;
import dev.bowline.optim.StateDtype;
import dev.bowline.recipe.Absent.Derived;
import dev.bowline.recipe.Absent.Fixed;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// The value of a key that nobody gives: the schema's, or AutoModel's where the recipe is one of its own.
final class RecipeDefaults {

    /// Whether the recipe has an `lr_scheduler`.
    enum Rate {
        CONSTANT,
        SCHEDULED
    }

    private final Map<String, Absent<?>> theirs = new HashMap<>();

    private RecipeDefaults() {}

    static RecipeDefaults ofBowline() {
        return new RecipeDefaults();
    }

    /// @param optimizer what the recipe names, if it is known
    /// @param rate without an `lr_scheduler` AutoModel leaves it as it is
    static RecipeDefaults ofAutoModel(Optional<AutoModelOptimizer> optimizer, Rate rate) {
        RecipeDefaults defaults = new RecipeDefaults();
        defaults.put(RecipeSchema.SEED, new Fixed<>(42L, "the top-level seed; rng is not read"));
        defaults.put(RecipeSchema.GLOBAL_BATCH_SIZE, new Fixed<>(32, "32"));
        defaults.put(RecipeSchema.LOCAL_BATCH_SIZE, new Fixed<>(1, "1"));
        defaults.put(RecipeSchema.NUM_EPOCHS, new Fixed<>(Optional.of(10), "10, or max_steps if that comes first"));
        defaults.put(RecipeSchema.CKPT_EVERY_STEPS, new Fixed<>(Optional.of(100), "every 100 steps"));
        defaults.put(RecipeSchema.MAX_RECENT_CHECKPOINTS, new Fixed<>(Optional.empty(), "all checkpoints are kept"));
        defaults.put(RecipeSchema.MAX_NORM, new Fixed<>(Optional.of(1.0), "1.0"));
        if (optimizer.isPresent()) {
            String name = optimizer.get().target();
            String simple = name.substring(name.lastIndexOf('.') + 1);
            defaults.put(RecipeSchema.LR, new Fixed<>(1e-3, "that of " + simple));
            defaults.put(RecipeSchema.WEIGHT_DECAY, new Fixed<>(optimizer.get().weightDecay(), "that of " + simple));
            if (optimizer.get().stateDtype() != StateDtype.FLOAT32) {
                defaults.put(
                        RecipeSchema.STATE_DTYPE, new Fixed<>(optimizer.get().stateDtype(), "that of " + simple));
            }
            defaults.put(
                    RecipeSchema.DECAY_NORMS_AND_BIASES,
                    new Fixed<>(true, simple + " decays every parameter, norms and biases too"));
        }
        switch (rate) {
            case SCHEDULED -> defaults.schedule();
            case CONSTANT ->
                defaults.put(
                        RecipeSchema.LR_DECAY_STYLE,
                        new Fixed<>(Schedule.Decay.CONSTANT, "without an lr_scheduler the rate does not change"));
        }
        return defaults;
    }

    private void schedule() {
        put(RecipeSchema.LR_DECAY_STYLE, new Fixed<>(Schedule.Decay.COSINE, "cosine"));
        put(RecipeSchema.LR_WARMUP_STEPS, new Fixed<>(Optional.empty(), "a tenth of the run's steps, at most 1000"));
        put(RecipeSchema.INIT_LR, new Derived<>(settings -> ofLr(settings, 1), "a tenth of optimizer.lr"));
        put(RecipeSchema.MIN_LR, new Derived<>(settings -> ofLr(settings, 2), "a hundredth of optimizer.lr"));
        put(RecipeSchema.START_AT_INIT_LR, new Fixed<>(true, "the first step has init_lr"));
    }

    /// In decimals, so that a tenth of 2e-5 is shown as 2e-6.
    private static double ofLr(Settings settings, int digits) {
        return BigDecimal.valueOf(settings.find(RecipeSchema.LR).orElse(0.0))
                .movePointLeft(digits)
                .doubleValue();
    }

    private <T> void put(Key<T> key, Absent<T> absent) {
        theirs.put(key.path(), absent);
    }

    /// Only [#put] writes, and it ties the type of the default to the type of the key.
    @SuppressWarnings("unchecked")
    <T> Absent<T> of(Key<T> key) {
        return (Absent<T>) theirs.getOrDefault(key.path(), key.absent());
    }

    /// Whether AutoModel's default holds for `key`.
    boolean has(Key<?> key) {
        return theirs.containsKey(key.path());
    }

    Origin origin(Key<?> key, String reason) {
        return has(key) ? new Origin.AutoModelDefault(reason) : new Origin.Default(reason);
    }
}
