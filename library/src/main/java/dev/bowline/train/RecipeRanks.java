package dev.bowline.train;

import dev.bowline.catalog.AutoModel;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointMapping;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.SlotRole;
import dev.bowline.parallel.MicroBatchBlocks;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.recipe.DistributedSection.Strategy;
import dev.bowline.recipe.DistributedSection.Summation;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.Dtype;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/// The ranks of a run, computed from the recipe, config.json and the headers of the weights.
///
/// @param worldSize the number of ranks
/// @param onMachine the number of ranks of one machine
/// @param section the work that ranks share
/// @param microBatches of a step, by rank
/// @param sums bytes of the sums that `summation: fixed` keeps on each rank, besides the gradients
/// @param sent bytes that each rank sends in a step
public record RecipeRanks(
        int worldSize, int onMachine, DistributedSection section, List<Integer> microBatches, long sums, long sent) {

    public RecipeRanks {
        microBatches = List.copyOf(microBatches);
    }

    /// The gradients that the ranks sum.
    ///
    /// @param elements trained values
    /// @param dtype of a gradient
    private record Trained(long elements, Dtype dtype) {}

    /// @param worldSize the number of ranks
    /// @param onMachine the number of ranks of one machine
    /// @throws dev.bowline.BowlineException if the checkpoint cannot be opened, or the recipe does not fit the
    ///     model
    public static RecipeRanks of(RecipeFile file, int worldSize, int onMachine) {
        DistributedSection section = file.recipe().distributed().orElseGet(DistributedSection::usual);
        int microBatches = file.recipe().stepScheduler().accumulation();
        MicroBatchBlocks blocks = new MicroBatchBlocks(worldSize);
        List<Integer> shares = IntStream.range(0, worldSize)
                .mapToObj(rank -> blocks.of(rank, microBatches).size())
                .toList();
        Trained trained = trained(file);
        return new RecipeRanks(
                worldSize,
                onMachine,
                section,
                shares,
                section.summation() == Summation.FIXED ? sums(trained, shares.getFirst()) : 0,
                sent(trained, worldSize, section));
    }

    /// Bytes of the partial sums that wait while the last micro-batch of a block of 2^k runs, k of them; at least those
    /// of the sum in float32 in place of the gradients.
    private static long sums(Trained trained, int block) {
        long wide = Dtype.FLOAT32.bytes();
        long waiting = Long.SIZE - 1 - Long.numberOfLeadingZeros(Math.max(1, block));
        return trained.elements * Math.max(waiting * wide, wide - trained.dtype.bytes());
    }

    /// An exchange of the parts and a gathering of the sums, or the ring of an allreduce, send the same number of
    /// values.
    private static long sent(Trained trained, int worldSize, DistributedSection section) {
        long bytes = switch (section.summation()) {
            case FIXED -> Dtype.FLOAT32.bytes();
            case FAST -> trained.dtype.bytes();
        };
        // With zero1, each rank then sends the values that it updated.
        long values = section.strategy() == Strategy.ZERO1 ? trained.dtype.bytes() : 0;
        return (worldSize - 1) * Math.ceilDiv(trained.elements, worldSize) * (2 * bytes + values);
    }

    private static Trained trained(RecipeFile file) {
        Optional<Long> ofAdapter = RecipeAdapter.of(file).map(summary -> summary.trainedValues());
        if (ofAdapter.isPresent()) {
            return new Trained(ofAdapter.get(), Dtype.FLOAT32);
        }
        Recipe recipe = file.recipe();
        try (Checkpoint checkpoint = Checkpoint.open(recipe.model().pretrainedModel());
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            ModelFit.resize(recipe, model);
            Set<Component> frozen = Freezing.components(recipe.freezeConfig());
            long elements = model.parameters().entrySet().stream()
                    .filter(entry -> entry.getValue().role() != SlotRole.BUFFER
                            && !frozen.contains(model.component(entry.getKey())))
                    .mapToLong(entry -> entry.getValue().elements())
                    .sum();
            Dtype dtype = recipe.model()
                    .torchDtype()
                    .orElseGet(() -> CheckpointMapping.of(checkpoint, model).loadDtype());
            return new Trained(elements, dtype);
        }
    }
}
