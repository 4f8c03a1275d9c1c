package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.adapter.AdaptedModule;
import dev.bowline.adapter.AdapterSettingException;
import dev.bowline.adapter.AdapterSummary;
import dev.bowline.adapter.AdapterTargets;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.catalog.AutoModel;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.QuantizedLinears;
import dev.bowline.recipe.RecipeFile;
import java.util.List;
import java.util.Optional;

/// The modules that the adapter of a recipe changes. No weights are read.
public final class RecipeAdapter {

    /// The key that chooses modules. Other errors of an adapter are told at its position.
    private static final String TARGETS = "target_modules";

    private RecipeAdapter() {}

    /// Empty for a recipe without an adapter.
    ///
    /// @throws BowlineException at the position of the key that does not fit the model
    public static Optional<AdapterSummary> of(RecipeFile file) {
        if (file.recipe().peft().isEmpty()) {
            return Optional.empty();
        }
        try (LanguageModel model =
                AutoModel.fromConfig(file.recipe().model().pretrainedModel().resolve("config.json"))) {
            ModelFit.resize(file.recipe(), model);
            return of(file, model);
        }
    }

    /// The same, on the model of the recipe, which may have no values yet.
    static Optional<AdapterSummary> of(RecipeFile file, LanguageModel model) {
        return file.recipe().peft().map(section -> {
            List<AdaptedModule> modules = resolve(file, model, section.lora());
            requireNewRows(file, model, modules);
            return AdapterSummary.of(model, modules);
        });
    }

    private static List<AdaptedModule> resolve(RecipeFile file, LanguageModel model, LoraConfig lora) {
        file.recipe().model().quantization().ifPresent(format -> QuantizedLinears.quantize(model, format));
        try {
            return AdapterTargets.resolve(model, lora);
        } catch (AdapterSettingException e) {
            throw file.wrongAdapter(e.setting(), e.problem(), e.fix());
        } catch (BowlineException e) {
            throw file.wrongAdapter(TARGETS, e.problem(), e.fix());
        }
    }

    /// The new rows of `model.resize_token_embeddings` are in no file of the base, so the adapter has to hold them.
    private static void requireNewRows(RecipeFile file, LanguageModel model, List<AdaptedModule> modules) {
        if (file.recipe().model().resizeTokenEmbeddings().isEmpty()) {
            return;
        }
        String key = "model.resize_token_embeddings";
        try (LanguageModel stored =
                AutoModel.fromConfig(file.recipe().model().pretrainedModel().resolve("config.json"))) {
            long before = stored.vocabularySize();
            if (model.vocabularySize() < before) {
                throw file.wrong(
                        key,
                        "%s is %d, the base has %d rows, and an adapter removes no rows of its base"
                                .formatted(key, model.vocabularySize(), before),
                        "write a number of at least %d, or remove the key".formatted(before));
            }
            try {
                AdapterTargets.requireNewRows(model, modules, before);
            } catch (BowlineException e) {
                throw file.wrong(key, e.problem(), e.fix());
            }
        }
    }
}
