package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.AvailableMemory;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// The memory a recipe will take beside the memory there is. It reads config.json and the headers of the weights.
///
/// @param estimate at the peak
/// @param available now
/// @param changes what would spare memory, if it is too much; empty otherwise
public record MemoryOutlook(MemoryEstimate estimate, AvailableMemory available, List<Change> changes) {

    /// A change to the recipe.
    ///
    /// @param set `key=value`
    /// @param note what it costs besides
    /// @param saves bytes, by the same estimate
    public record Change(String set, String note, long saves) {}

    public MemoryOutlook {
        changes = List.copyOf(changes);
    }

    /// For rows as long as the recipe allows.
    ///
    /// @throws BowlineException if the checkpoint cannot be opened, or the recipe does not fit its model
    public static MemoryOutlook of(RecipeFile file) {
        Recipe recipe = file.recipe();
        int packed = recipe.packedSequence().packedSequenceSize();
        int longest = packed > 0 ? packed : recipe.dataset().seqLength();
        try (Checkpoint checkpoint = Checkpoint.open(recipe.model().pretrainedModel());
                CausalLanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            ModelFit.require(file, model);
            checkpoint.requireFits(model);
            return of(recipe, checkpoint, model, longest, AvailableMemory.now());
        }
    }

    /// @param columns the longest row
    static MemoryOutlook of(
            Recipe recipe, Checkpoint checkpoint, CausalLanguageModel model, int columns, AvailableMemory available) {
        MemoryReckoning reckoning = new MemoryReckoning(checkpoint, model);
        MemoryPlan plan = MemoryPlan.of(recipe, checkpoint.storedDtype(model), columns);
        MemoryEstimate estimate = reckoning.of(plan);
        String lengthKey = recipe.packedSequence().packedSequenceSize() > 0
                ? "packed_sequence.packed_sequence_size"
                : "dataset.seq_length";
        List<Change> changes = needed(estimate) <= available.bytes()
                ? List.of()
                : MemoryChanges.of(reckoning, plan, available.bytes(), lengthKey);
        return new MemoryOutlook(estimate, available, changes);
    }

    /// What is to come: the process itself is there already, and not in what is available.
    private static long needed(MemoryEstimate estimate) {
        return estimate.total() - estimate.process();
    }

    public boolean fits() {
        return needed(estimate) <= available.bytes();
    }

    /// @throws BowlineException with the three cheapest changes, if there is not enough memory
    public void requireFits(Path checkpoint) {
        if (fits()) {
            return;
        }
        throw new BowlineException(
                "fine-tuning %s needs about %s, and there are %s (%s)"
                        .formatted(
                                checkpoint,
                                gibibytes(needed(estimate)),
                                gibibytes(available.bytes()),
                                available.source()),
                changes.stream()
                                .map(change -> "--set %s saves %s (%s)"
                                        .formatted(change.set(), gibibytes(change.saves()), change.note()))
                                .collect(Collectors.joining("\n       or ", "", "\n       or "))
                        + "--ignore-memory-estimate to try it as it is");
    }

    private static String gibibytes(long bytes) {
        return String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30));
    }
}
