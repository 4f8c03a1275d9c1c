package dev.bowline.train;

import dev.bowline.catalog.AutoModel;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.data.Example;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.data.check.DataExamination;
import dev.bowline.data.check.DataFinding;
import dev.bowline.data.check.DataSeverity;
import dev.bowline.data.check.EpochData;
import dev.bowline.data.check.SectionData;
import dev.bowline.data.check.Vocabulary;
import dev.bowline.model.LanguageModel;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.text.StopTokens;
import dev.bowline.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The data of a recipe as a run would read it, with every problem and not only the first. Only rows
/// of the embedding are read of the weights.
///
/// @param recipe the file of the recipe
/// @param sections `dataset`, and `validation_dataset` if the recipe has one
/// @param findings the worst first
/// @param epoch the first epoch of the run; empty if no example is left
/// @param examples the first examples of the training data
public record RecipeDataCheck(
        Path recipe,
        List<SectionData> sections,
        List<DataFinding> findings,
        Optional<EpochData> epoch,
        List<TokenizedExample> examples) {

    private static final String TRAINING = "dataset";
    private static final String HELD_OUT = "validation_dataset";

    public RecipeDataCheck {
        sections = List.copyOf(sections);
        findings = List.copyOf(findings);
        examples = List.copyOf(examples);
    }

    /// @param shown the number of examples to tokenise for a reader
    /// @throws dev.bowline.BowlineException if the checkpoint, its tokenizer or the chat template cannot be
    ///     used, or if there is no file of data
    public static RecipeDataCheck of(RecipeFile file, int shown) {
        Recipe recipe = file.recipe();
        Path directory = recipe.model().pretrainedModel();
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                LanguageModel model = AutoModel.fromConfig(checkpoint.config());
                Tokenizer tokenizer = Tokenizer.open(directory)) {
            DataExamination training = DataExamination.of(TRAINING);
            RecipeData.examine(file, TRAINING, recipe.dataset(), tokenizer, training::accept);
            List<DataExamination> all = new ArrayList<>(List.of(training));
            recipe.validationDataset().ifPresent(section -> {
                DataExamination heldOut = DataExamination.heldOut(HELD_OUT, training);
                RecipeData.examine(file, HELD_OUT, section, tokenizer, heldOut::accept);
                all.add(heldOut);
            });
            List<SectionData> sections = all.stream().map(DataExamination::data).toList();
            Vocabulary vocabulary = vocabulary(recipe, checkpoint, model, tokenizer, sections);
            return new RecipeDataCheck(
                    recipe.source(),
                    sections,
                    all.stream()
                            .flatMap(each -> each.findings(vocabulary).stream())
                            .sorted(Comparator.comparing(DataFinding::severity).reversed())
                            .toList(),
                    epoch(recipe, sections.getFirst().examples()),
                    sections.getFirst().examples().stream()
                            .limit(shown)
                            .map(example -> TokenizedExample.of(TRAINING, example, tokenizer))
                            .toList());
        }
    }

    private static Vocabulary vocabulary(
            Recipe recipe,
            Checkpoint checkpoint,
            LanguageModel model,
            Tokenizer tokenizer,
            List<SectionData> sections) {
        Set<Integer> used = new HashSet<>();
        for (SectionData section : sections) {
            for (Example example : section.examples()) {
                for (int id : example.ids()) {
                    used.add(id);
                }
            }
        }
        Set<Integer> dead = EmbeddingRows.dead(checkpoint, model, used);
        ModelFit.resize(recipe, model);
        return new Vocabulary(
                model.vocabularySize(),
                dead,
                StopTokens.in(checkpoint.directory()),
                id -> tokenizer.decodeWithSpecialTokens(new int[] {id}));
    }

    private static Optional<EpochData> epoch(Recipe recipe, List<Example> examples) {
        if (examples.isEmpty()) {
            return Optional.empty();
        }
        int packedSize = recipe.packedSequence().packedSequenceSize();
        List<PackedRow> rows = packedSize > 0 ? PackedRow.packed(examples, packedSize) : PackedRow.unpacked(examples);
        return Optional.of(EpochData.of(
                new TrainingRows(
                        rows,
                        recipe.dataset().shuffle() ? TrainingRows.Order.SHUFFLED : TrainingRows.Order.AS_READ,
                        recipe.seed()),
                recipe.stepScheduler().globalBatchSize(),
                recipe.stepScheduler().localBatchSize(),
                packedSize > 0 ? packedSize : recipe.dataset().seqLength()));
    }

    /// The severity of the worst finding.
    public Optional<DataSeverity> worst() {
        return findings.stream().map(DataFinding::severity).max(Comparator.naturalOrder());
    }
}
