package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import java.nio.file.Path;
import java.util.List;

/// Makes a recipe in a program: keys that are not set have the defaults of recipe files, and [#build] checks
/// what loading a file checks. Not for several threads; the recipe is.
public final class RecipeBuilder {

    private final Diagnostics diagnostics = new Diagnostics();
    private Mapping root = new Mapping(List.of(), new Origin.InProgram("build"));

    private RecipeBuilder() {}

    /// @param model a local Hugging Face directory
    /// @param dataset a file, or a directory with the files of one dataset
    /// @param checkpoints where checkpoints go; made when it is missing
    public static RecipeBuilder of(Path model, Path dataset, Path checkpoints) {
        return new RecipeBuilder()
                .path("model.pretrained_model_name_or_path", model)
                .path("dataset.path", dataset)
                .path("checkpoint.checkpoint_dir", checkpoints);
    }

    /// For [dev.bowline.train.FineTuningRun#open(Recipe, dev.bowline.data.Dataset)], which takes the examples
    /// from the program and not from the recipe.
    ///
    /// @param model a local Hugging Face directory
    /// @param checkpoints where checkpoints go; made when it is missing
    public static RecipeBuilder of(Path model, Path checkpoints) {
        return of(model, model, checkpoints);
    }

    /// The highest learning rate.
    public RecipeBuilder learningRate(double rate) {
        return set("optimizer.lr", Double.toString(rate));
    }

    /// Rows in one optimizer step.
    public RecipeBuilder globalBatchSize(int rows) {
        return set("step_scheduler.global_batch_size", Integer.toString(rows));
    }

    /// Rows in one forward pass.
    public RecipeBuilder localBatchSize(int rows) {
        return set("step_scheduler.local_batch_size", Integer.toString(rows));
    }

    public RecipeBuilder maxSteps(int steps) {
        return set("step_scheduler.max_steps", Integer.toString(steps));
    }

    public RecipeBuilder epochs(int epochs) {
        return set("step_scheduler.num_epochs", Integer.toString(epochs));
    }

    /// The longest example, in tokens.
    public RecipeBuilder seqLength(int tokens) {
        return set("dataset.seq_length", Integer.toString(tokens));
    }

    public RecipeBuilder validationDataset(Path dataset) {
        return path("validation_dataset.path", dataset);
    }

    /// Any key of a recipe file; `docs/guides/recipes.md` lists them.
    ///
    /// @param key dotted, such as `lr_scheduler.lr_decay_style`
    /// @param value in YAML, such as `cosine` or `[0.9, 0.95]`
    public RecipeBuilder set(String key, String value) {
        Origin.InProgram origin = new Origin.InProgram(key);
        YamlValue read = YamlReader.read(SourceText.ofProgram(value, origin), diagnostics)
                .orElse(new Scalar("", true, origin));
        root = root.with(Key.segments(key), read);
        return this;
    }

    private RecipeBuilder path(String key, Path path) {
        Origin.InProgram origin = new Origin.InProgram(key);
        root = root.with(
                Key.segments(key), new Scalar(path.toAbsolutePath().normalize().toString(), false, origin));
        return this;
    }

    /// @throws RecipeException with every problem and its key
    public Recipe build() {
        return RecipeFile.read(Path.of("RecipeBuilder").toAbsolutePath(), root, diagnostics)
                .recipe();
    }
}
