package dev.bowline.train;

import dev.bowline.catalog.AutoModel;
import dev.bowline.model.LanguageModel;
import dev.bowline.recipe.DatasetSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A look at the first examples of a recipe before anything is loaded: they are written down as they would be
/// trained on.
///
/// @param notes what a run would say about them, a sentence each
/// @param example the first of the training data, unless it is too long to be looked at
public record RecipePreview(List<String> notes, Optional<TokenizedExample> example) {

    /// Enough to see how the template treats them, and read in a moment.
    private static final int EXAMPLES = 32;

    private static final int LONGEST_EXAMPLE = 4096;

    public RecipePreview {
        notes = List.copyOf(notes);
    }

    /// @throws dev.bowline.BowlineException if the tokenizer, the template or an example cannot be used
    public static RecipePreview of(RecipeFile file) {
        Recipe recipe = file.recipe();
        Path directory = recipe.model().pretrainedModel();
        try (LanguageModel model = AutoModel.fromConfig(directory.resolve("config.json"));
                Tokenizer tokenizer = Tokenizer.open(directory)) {
            List<String> notes = new ArrayList<>(model.notes());
            int vocabulary = model.vocabularySize();
            RecipeData training = read(file, "dataset", recipe.dataset(), tokenizer, vocabulary);
            notes.addAll(training.notes("dataset", tokenizer));
            recipe.validationDataset()
                    .ifPresent(section -> notes.addAll(read(file, "validation_dataset", section, tokenizer, vocabulary)
                            .notes("validation_dataset", tokenizer)));
            Optional<TokenizedExample> example = training.dataset().examples().stream()
                    .findFirst()
                    .filter(first -> first.length() <= LONGEST_EXAMPLE)
                    .map(first -> TokenizedExample.of("dataset", first, tokenizer));
            return new RecipePreview(notes, example);
        }
    }

    private static RecipeData read(
            RecipeFile file, String name, DatasetSection section, Tokenizer tokenizer, int vocabulary) {
        int examples = Math.min(EXAMPLES, section.limit().orElse(EXAMPLES));
        return RecipeData.read(file, name, section.first(examples), tokenizer, LocalDate.now())
                .requireRows(tokenizer, vocabulary);
    }
}
