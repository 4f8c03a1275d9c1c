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

/// The first examples of a recipe in the form in which they would be trained on. No weights are loaded.
///
/// @param notes the sentences that a run would report about these examples
/// @param example the first example of the training data, unless it has too many tokens to show
public record RecipePreview(List<String> notes, Optional<TokenizedExample> example) {

    /// Enough examples to show the effect of the template, and few enough to read at once.
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
            ModelFit.resize(recipe, model);
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
