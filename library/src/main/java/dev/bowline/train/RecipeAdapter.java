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
        return file.recipe().peft().map(section -> AdapterSummary.of(model, resolve(file, model, section.lora())));
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
}
