package dev.bowline.train;

import dev.bowline.adapter.AdapterSummary;
import dev.bowline.adapter.AdapterTargets;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.catalog.AutoModel;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.checkpoint.CheckpointMapping;
import dev.bowline.memory.AdapterOffer;
import dev.bowline.memory.AdapterPlan;
import dev.bowline.memory.MemoryPlan;
import dev.bowline.memory.MemoryReport;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.QuantizedLinears;
import dev.bowline.platform.AvailableMemory;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.Dtype;
import java.util.Optional;

/// Estimates the memory of a recipe. It reads config.json and the headers of the weights, and no weights.
public final class RecipeMemory {

    private RecipeMemory() {}

    /// The memory for rows of the greatest length that the recipe allows.
    ///
    /// @throws dev.bowline.BowlineException if the checkpoint cannot be opened, or the recipe does not fit the
    ///     model
    public static MemoryReport of(RecipeFile file) {
        Recipe recipe = file.recipe();
        int longest = longestRow(recipe);
        try (Checkpoint checkpoint = Checkpoint.open(recipe.model().pretrainedModel());
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            ModelFit.require(file, model);
            CheckpointLoader.requireFits(checkpoint, model);
            ModelFit.resize(recipe, model);
            Optional<AdapterSummary> adapter = RecipeAdapter.of(file, model);
            return of(new Subject(recipe, adapter), checkpoint, model, longest, AvailableMemory.now());
        }
    }

    /// The greatest length of a row that the recipe allows.
    static int longestRow(Recipe recipe) {
        int packed = recipe.packedSequence().packedSequenceSize();
        return packed > 0 ? packed : recipe.dataset().seqLength();
    }

    /// The weights that a run trains.
    ///
    /// @param adapter of the recipe, if it has one
    record Subject(Recipe recipe, Optional<AdapterSummary> adapter) {

        /// The values of an adapter are float32, whatever the base is stored in.
        private Optional<AdapterPlan> plan() {
            boolean dropsInputs =
                    recipe.peft().filter(peft -> peft.lora().loraDropout() > 0).isPresent();
            return adapter.map(summary -> new AdapterPlan(
                    summary.kinds().stream()
                            .flatMap(kind -> kind.modules().stream())
                            .toList(),
                    Dtype.FLOAT32,
                    dropsInputs ? AdapterPlan.Dropout.OF_INPUTS : AdapterPlan.Dropout.NONE));
        }
    }

    /// @param columns the length of the longest row
    static MemoryReport of(
            Subject subject, Checkpoint checkpoint, LanguageModel model, int columns, AvailableMemory available) {
        Recipe recipe = subject.recipe();
        recipe.model().quantization().ifPresent(format -> QuantizedLinears.quantize(model, format));
        MemoryPlan whole = plan(recipe, CheckpointMapping.of(checkpoint, model).loadDtype(), columns);
        MemoryPlan plan = subject.plan().map(whole::adapting).orElse(whole);
        String lengthKey = recipe.packedSequence().packedSequenceSize() > 0
                ? "packed_sequence.packed_sequence_size"
                : "dataset.seq_length";
        return MemoryReport.of(checkpoint, model, plan, lengthKey, offered(recipe, model), available);
    }

    /// The adapter of the defaults on every linear. A recipe with new rows of the vocabulary allows none.
    private static Optional<AdapterOffer> offered(Recipe recipe, LanguageModel model) {
        if (recipe.peft().isPresent() || recipe.model().resizeTokenEmbeddings().isPresent()) {
            return Optional.empty();
        }
        LoraConfig config = LoraConfig.of(8, 8, new ModulePatterns.AllLinear());
        return Optional.of(new AdapterOffer(
                "peft.match_all_linear=true",
                new AdapterPlan(AdapterTargets.resolve(model, config), Dtype.FLOAT32, AdapterPlan.Dropout.NONE)));
    }

    /// @param stored the dtype of the checkpoint's weights
    private static MemoryPlan plan(Recipe recipe, Dtype stored, int columns) {
        int rows = recipe.stepScheduler().localBatchSize();
        return new MemoryPlan(
                recipe.model().torchDtype().orElse(stored),
                rows,
                columns,
                Math.ceilDiv(recipe.stepScheduler().globalBatchSize(), rows),
                RecipePlan.loss(recipe.loss()),
                recipe.activationCheckpointing(),
                RecipePlan.settings(recipe.optimizer()),
                Freezing.components(recipe.freezeConfig()),
                Optional.empty());
    }
}
