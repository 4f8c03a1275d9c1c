package dev.bowline.train;

import dev.bowline.catalog.AutoModel;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.recipe.DatasetSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;

/// A look at the first examples of a recipe before anything is loaded: they are written down as they would be
/// trained on.
public final class RecipePreview {

    /// Enough to see how the template treats them, and read in a moment.
    private static final int EXAMPLES = 32;

    private RecipePreview() {}

    /// What a run would say about these examples, a sentence each.
    ///
    /// @throws dev.bowline.BowlineException if the tokenizer, the template or an example cannot be used
    public static List<String> notes(RecipeFile file) {
        Recipe recipe = file.recipe();
        List<String> notes = new ArrayList<>();
        Path directory = recipe.model().pretrainedModel();
        try (CausalLanguageModel model = AutoModel.fromConfig(directory.resolve("config.json"));
                Tokenizer tokenizer = Tokenizer.open(directory)) {
            notes.addAll(model.notes());
            int vocabulary = model.vocabularySize();
            notes.addAll(notes(file, "dataset", recipe.dataset(), tokenizer, vocabulary));
            recipe.validationDataset()
                    .ifPresent(
                            section -> notes.addAll(notes(file, "validation_dataset", section, tokenizer, vocabulary)));
        }
        return notes;
    }

    private static List<String> notes(
            RecipeFile file, String name, DatasetSection section, Tokenizer tokenizer, int vocabulary) {
        int examples = Math.min(EXAMPLES, section.limit().orElse(EXAMPLES));
        return RecipeData.read(file, name, section.first(examples), tokenizer, LocalDate.now())
                .requireRows(tokenizer, vocabulary)
                .notes(name, tokenizer);
    }
}
