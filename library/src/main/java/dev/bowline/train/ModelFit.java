package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.model.Dropout;
import dev.bowline.model.LanguageModel;
import dev.bowline.recipe.DatasetSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;

/// Checks of a recipe against its model. They need no weights, so they run before any weight is read.
final class ModelFit {

    private ModelFit() {}

    /// @throws BowlineException at the position of the key that does not fit
    static void require(RecipeFile file, LanguageModel model) {
        requireLength(file, model, "dataset.seq_length", file.recipe().dataset().seqLength());
        if (file.recipe().validationDataset().isPresent()) {
            DatasetSection heldOut = file.recipe().validationDataset().get();
            requireLength(file, model, "validation_dataset.seq_length", heldOut.seqLength());
        }
        requireLength(
                file,
                model,
                "packed_sequence.packed_sequence_size",
                file.recipe().packedSequence().packedSequenceSize());
        model.dropouts().forEach(dropout -> requireWithout(file, dropout));
        Freezing.requireOneHead(
                model,
                file.recipe().freezeConfig(),
                (problem, fix) -> file.wrong("freeze_config.freeze_lm_head", problem, fix));
    }

    /// Gives the model the rows of `model.resize_token_embeddings`, if the recipe has the key.
    static void resize(Recipe recipe, LanguageModel model) {
        recipe.model().resizeTokenEmbeddings().ifPresent(model::resizeTokenEmbeddings);
    }

    private static void requireWithout(RecipeFile file, Dropout dropout) {
        if (!file.recipe().model().withoutDropout().contains(dropout.key())) {
            String key = "model." + dropout.key();
            throw file.wrong(
                    key,
                    "config.json asks for %s %s, and Bowline trains without dropout"
                            .formatted(dropout.key(), dropout.probability()),
                    "set %s to 0.0 in the recipe to train without it".formatted(key));
        }
    }

    private static void requireLength(RecipeFile file, LanguageModel model, String key, int length) {
        if (length > model.maxPositions()) {
            throw file.wrong(
                    key,
                    "%s is %d, but the model has %d positions (max_position_embeddings)"
                            .formatted(key, length, model.maxPositions()),
                    "write at most %d".formatted(model.maxPositions()));
        }
    }
}
