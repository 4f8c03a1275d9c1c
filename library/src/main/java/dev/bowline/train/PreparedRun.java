package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.data.Row;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.AvailableMemory;
import dev.bowline.tensor.Dtype;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// A recipe with its data read and everything checked that can be without a weight: the model's config and headers, the
/// tokenizer, every example, and the memory it will take.
public final class PreparedRun {

    private final Recipe recipe;
    private final RunCheckpoints checkpoints;
    private final RecipeData training;
    private final Optional<RecipeData> heldOut;
    private final long paddingId;
    private final MemoryOutlook memory;

    private PreparedRun(
            Recipe recipe,
            RunCheckpoints checkpoints,
            RecipeData training,
            Optional<RecipeData> heldOut,
            long paddingId,
            MemoryOutlook memory) {
        this.recipe = recipe;
        this.checkpoints = checkpoints;
        this.training = training;
        this.heldOut = heldOut;
        this.paddingId = paddingId;
        this.memory = memory;
    }

    /// @throws BowlineException if something in the recipe does not hold
    public static PreparedRun of(RecipeFile file) {
        Recipe recipe = file.recipe();
        RunCheckpoints checkpoints = RunCheckpoints.of(recipe.checkpoint());
        int packedSize = recipe.packedSequence().packedSequenceSize();
        try (Checkpoint checkpoint = Checkpoint.open(source(recipe, checkpoints));
                CausalLanguageModel model = AutoModel.fromConfig(checkpoint.config());
                Tokenizer tokenizer = Tokenizer.open(recipe.model().pretrainedModel())) {
            ModelFit.require(file, model);
            tokenizer.requireFits(model.vocabularySize());
            RecipeData training = RecipeData.read(recipe.dataset(), packedSize, tokenizer);
            Optional<RecipeData> heldOut =
                    recipe.validationDataset().map(section -> RecipeData.read(section, packedSize, tokenizer));
            int longest = training.rows().stream().mapToInt(Row::length).max().orElseThrow();
            return new PreparedRun(
                    recipe,
                    checkpoints,
                    training,
                    heldOut,
                    tokenizer.specialTokenId("pad_token").orElse(0),
                    MemoryOutlook.of(recipe, checkpoint, model, longest, AvailableMemory.now()));
        }
    }

    private static Path source(Recipe recipe, RunCheckpoints checkpoints) {
        return checkpoints.resumedFrom().orElse(recipe.model().pretrainedModel());
    }

    /// For the longest row there is.
    public MemoryOutlook memory() {
        return memory;
    }

    /// @throws BowlineException with the three cheapest changes, if there is not enough memory
    public PreparedRun requireMemory() {
        memory.requireFits(recipe.model().pretrainedModel());
        return this;
    }

    /// Loads the weights, and the training checkpoint the run goes on from, if any.
    public FineTuningRun load() {
        return FineTuningRun.load(this);
    }

    /// @param notes takes what was frozen, a sentence each
    Pretrained pretrained(List<String> notes) {
        AutoModel.Options options = AutoModel.Options.asStored()
                .freezing(model -> notes.addAll(Freezing.apply(model, recipe.freezeConfig())));
        AutoModel.Options typed = switch (recipe.model().torchDtype()) {
            case AUTO -> options;
            case FLOAT32 -> options.in(Dtype.FLOAT32);
            case BFLOAT16 -> options.in(Dtype.BFLOAT16);
        };
        return AutoModel.fromPretrained(source(recipe, checkpoints), typed);
    }

    Recipe recipe() {
        return recipe;
    }

    RunCheckpoints checkpoints() {
        return checkpoints;
    }

    RecipeData training() {
        return training;
    }

    Optional<RecipeData> heldOut() {
        return heldOut;
    }

    long paddingId() {
        return paddingId;
    }
}
