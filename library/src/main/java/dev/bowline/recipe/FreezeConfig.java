package dev.bowline.recipe;

import dev.bowline.recipe.Key.Default;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The components that keep the checkpoint's values.
///
/// @param embeddings the token embedding and, when it is tied, the head with it
/// @param visionTower passed through unchanged in every run
/// @param audioTower passed through unchanged in every run
/// @param languageModel false in every run, as nothing would be left to train
/// @param router the routers of a mixture of experts
/// @param experts the experts of a mixture of experts
/// @param norms every norm of the language model
/// @param lmHead whether the head is frozen; without a value a tied head is treated as the embedding and a
///     separate one is trained
public record FreezeConfig(
        boolean embeddings,
        boolean visionTower,
        boolean audioTower,
        boolean languageModel,
        boolean router,
        boolean experts,
        boolean norms,
        Optional<Boolean> lmHead) {

    static final Section SECTION = new Section("freeze_config");

    private static final String ALL_IS_TRAINED = "all of the language model is trained";
    private static final String PEFT = "peft";
    private static final String WITH_PEFT = "with peft, which trains an adapter and freezes the weights";
    private static final String ADAPTER = "peft trains an adapter, and the weights are frozen";
    private static final KeyType<Boolean> FROZEN_TOWER = TextTypes.onlyTrue(
            "write true, or remove the line; training the tower is not supported yet, and it is saved as it came");

    static final Key<Boolean> EMBEDDINGS = SECTION.key(
            "freeze_embeddings",
            TextTypes.trueOrFalse(),
            unlessAdapter(),
            "Freezes the token embedding, and a tied head with it.");

    static final Key<Boolean> VISION_TOWER = SECTION.key(
            "freeze_vision_tower",
            FROZEN_TOWER,
            Default.of(true, "towers pass through unchanged"),
            "Must be true: the vision tower cannot be trained yet.");

    static final Key<Boolean> AUDIO_TOWER = SECTION.key(
            "freeze_audio_tower",
            FROZEN_TOWER,
            Default.of(true, "towers pass through unchanged"),
            "Must be true: the audio tower cannot be trained yet.");

    static final Key<Boolean> LANGUAGE_MODEL = SECTION.key(
            "freeze_language_model",
            TextTypes.onlyFalse("write false; true freezes everything, and nothing is left to train."
                    + " freeze_embeddings, freeze_router, freeze_experts and freeze_norms freeze parts of it"),
            new Key.Derived<>(
                    _ -> false,
                    "`false` (the language model is trained)",
                    values ->
                            values.hasSection(PEFT) ? "peft trains an adapter on it" : "the language model is trained"),
            "Must be false: nothing else can be trained yet.");

    static final Key<Boolean> ROUTER = SECTION.key(
            "freeze_router", TextTypes.trueOrFalse(), unlessAdapter(), "Freezes the routers of a mixture of experts.");

    static final Key<Boolean> EXPERTS = SECTION.key(
            "freeze_experts", TextTypes.trueOrFalse(), unlessAdapter(), "Freezes the experts of a mixture of experts.");

    static final Key<Boolean> NORMS =
            SECTION.key("freeze_norms", TextTypes.trueOrFalse(), unlessAdapter(), "Freezes the norms.");

    static final Key<Optional<Boolean>> LM_HEAD = SECTION.key(
            "freeze_lm_head",
            TextTypes.trueOrFalse().optional(),
            new Key.Derived<>(
                    values -> values.hasSection(PEFT) ? Optional.of(true) : Optional.empty(),
                    "a tied head follows the embedding, a separate head is trained; `true` with peft",
                    values -> values.hasSection(PEFT)
                            ? ADAPTER
                            : "a tied head follows the embedding, a separate head is trained"),
            "Freezes a separate head; a tied head is the embedding, so a different value is an error.");

    /// The weights under an adapter are frozen.
    private static Default<Boolean> unlessAdapter() {
        return new Key.Derived<>(
                values -> values.hasSection(PEFT),
                "`false`; `true` with peft",
                values -> values.hasSection(PEFT) ? ADAPTER : ALL_IS_TRAINED);
    }

    /// The keys that an adapter leaves without a choice.
    static List<String> frozenWithAdapter() {
        return Stream.of(EMBEDDINGS, ROUTER, EXPERTS, NORMS, LM_HEAD)
                .map(Key::path)
                .toList();
    }

    static void check(RecipeValues values) {
        if (values.hasSection(PEFT)) {
            List.of(EMBEDDINGS, ROUTER, EXPERTS, NORMS)
                    .forEach(key -> values.refuseWithoutEffect(key, frozen -> !frozen, WITH_PEFT));
            values.refuseWithoutEffect(LM_HEAD, frozen -> frozen.equals(Optional.of(false)), WITH_PEFT);
        }
    }

    public FreezeConfig {
        VISION_TOWER.require(visionTower);
        AUDIO_TOWER.require(audioTower);
        LANGUAGE_MODEL.require(languageModel);
    }

    /// No value for the head.
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

    static FreezeConfig of(RecipeValues values) {
        return new FreezeConfig(
                values.use(EMBEDDINGS),
                values.use(VISION_TOWER),
                values.use(AUDIO_TOWER),
                values.use(LANGUAGE_MODEL),
                values.use(ROUTER),
                values.use(EXPERTS),
                values.use(NORMS),
                values.use(LM_HEAD));
    }
}
