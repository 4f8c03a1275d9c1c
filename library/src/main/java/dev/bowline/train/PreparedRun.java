package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointLoader;
import dev.bowline.data.Dataset;
import dev.bowline.data.PackedRow;
import dev.bowline.memory.MemoryReport;
import dev.bowline.model.LanguageModel;
import dev.bowline.platform.AvailableMemory;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.CudaSupport;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A recipe with its data read and everything checked that can be without a weight: the model's config and
/// headers, the tokenizer, every example, and the memory it will take.
///
/// Immutable; for any thread.
public final class PreparedRun {

    private final RecipeFile file;
    private final Recipe recipe;
    private final RunCheckpoints checkpoints;
    private final Data data;
    private final long paddingId;
    private final MemoryReport memory;

    /// @param templateDate the day that chat templates were told
    /// @param notes what of the data is not as it stood in the files or not as it should be
    private record Data(
            RecipeData training, Optional<RecipeData> heldOut, LocalDate templateDate, List<String> notes) {}

    private PreparedRun(RecipeFile file, RunCheckpoints checkpoints, Data data, long paddingId, MemoryReport memory) {
        this.file = file;
        recipe = file.recipe();
        this.checkpoints = checkpoints;
        this.data = data;
        this.paddingId = paddingId;
        this.memory = memory;
    }

    /// @throws BowlineException if something in the recipe does not hold
    public static PreparedRun of(RecipeFile file) {
        return of(file, Optional.empty());
    }

    /// With examples that a program made in place of those that the recipe's dataset section names.
    ///
    /// @throws BowlineException if something in the recipe does not hold
    public static PreparedRun of(RecipeFile file, Dataset dataset) {
        return of(file, Optional.of(dataset));
    }

    private static PreparedRun of(RecipeFile file, Optional<Dataset> given) {
        Recipe recipe = file.recipe();
        RunCheckpoints checkpoints = RunCheckpoints.of(recipe.checkpoint(), file::wrong);
        try (Checkpoint checkpoint = Checkpoint.open(source(recipe, checkpoints));
                LanguageModel model = AutoModel.fromConfig(checkpoint.config());
                Tokenizer tokenizer = Tokenizer.open(recipe.model().pretrainedModel())) {
            ModelFit.require(file, model);
            CheckpointLoader.requireFits(checkpoint, model);
            int vocabulary = model.vocabularySize();
            LocalDate today = checkpoints.templateDate().orElseGet(LocalDate::now);
            RecipeData training = given.map(dataset -> RecipeData.of(recipe, dataset))
                    .orElseGet(() -> RecipeData.read(file, "dataset", recipe.dataset(), tokenizer, today))
                    .requireRows(tokenizer, vocabulary);
            Optional<RecipeData> heldOut = recipe.validationDataset()
                    .map(section -> RecipeData.read(file, "validation_dataset", section, tokenizer, today)
                            .requireRows(tokenizer, vocabulary));
            List<String> notes = new ArrayList<>(training.notes("dataset", tokenizer));
            heldOut.ifPresent(data -> notes.addAll(data.notes("validation_dataset", tokenizer)));
            int longest =
                    training.rows().stream().mapToInt(PackedRow::length).max().orElseThrow();
            return new PreparedRun(
                    file,
                    checkpoints,
                    new Data(training, heldOut, today, notes),
                    // What stands at a padded position is masked; it only has to be a row.
                    tokenizer
                            .specialTokenId("pad_token")
                            .filter(id -> id < vocabulary)
                            .orElse(0),
                    RecipeMemory.of(recipe, checkpoint, model, longest, AvailableMemory.now()));
        }
    }

    private static Path source(Recipe recipe, RunCheckpoints checkpoints) {
        return checkpoints.resumedFrom().orElse(recipe.model().pretrainedModel());
    }

    /// For the longest row there is.
    public MemoryReport memory() {
        return memory;
    }

    /// @throws BowlineException with the three cheapest changes, if there is not enough memory
    public PreparedRun requireMemory() {
        memory.requireFits(recipe.model().pretrainedModel());
        return this;
    }

    /// Loads the weights, and the training checkpoint that the run resumes from, if any.
    public FineTuningRun load() {
        return FineTuningRun.load(this);
    }

    /// @param notes takes what was frozen, a sentence each
    Pretrained pretrained(List<String> notes) {
        AutoModel.Options options = AutoModel.Options.asStored()
                .on(recipe.model().device().resolve(CudaSupport.ofThisProcess()))
                .freezing(model -> notes.addAll(Freezing.apply(model, recipe.freezeConfig())));
        AutoModel.Options typed = recipe.model().torchDtype().map(options::in).orElse(options);
        return AutoModel.fromPretrained(source(recipe, checkpoints), typed);
    }

    RecipeFile file() {
        return file;
    }

    Recipe recipe() {
        return recipe;
    }

    RunCheckpoints checkpoints() {
        return checkpoints;
    }

    RecipeData training() {
        return data.training();
    }

    Optional<RecipeData> heldOut() {
        return data.heldOut();
    }

    LocalDate templateDate() {
        return data.templateDate();
    }

    List<String> dataNotes() {
        return data.notes();
    }

    long paddingId() {
        return paddingId;
    }
}
