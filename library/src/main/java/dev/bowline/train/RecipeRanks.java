package dev.bowline.train;

import dev.bowline.memory.MemoryReport;
import dev.bowline.parallel.MicroBatchBlocks;
import dev.bowline.parallel.ShardedModel;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.recipe.DistributedSection.Strategy;
import dev.bowline.recipe.DistributedSection.Summation;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.Dtype;
import dev.bowline.train.TrainedValues.LayerValues;
import java.util.List;
import java.util.stream.IntStream;

/// The ranks of a run, computed from the recipe, config.json and the headers of the weights.
///
/// @param worldSize the number of ranks
/// @param onMachine the number of ranks of one machine
/// @param section the work that ranks share
/// @param epSize the ranks that share the experts of a layer; 1 if every rank computes all experts
/// @param microBatches of a step, by rank
/// @param sums bytes of the float32 sums of gradients that each rank keeps, besides the gradients
/// @param divided bytes of weights, gradients and optimizer state that a run without ranks has and a rank does not
/// @param sent bytes that each rank sends in a step
public record RecipeRanks(
        int worldSize,
        int onMachine,
        DistributedSection section,
        int epSize,
        List<Integer> microBatches,
        long sums,
        long divided,
        long sent) {

    public RecipeRanks {
        microBatches = List.copyOf(microBatches);
    }

    /// The bytes that a rank still allocates.
    ///
    /// @param whole the memory of the same run without ranks
    public long neededBytes(MemoryReport whole) {
        return whole.neededBytes() + sums - divided;
    }

    /// @param worldSize the number of ranks
    /// @param onMachine the number of ranks of one machine
    /// @throws dev.bowline.BowlineException if the checkpoint cannot be opened, or the recipe does not fit the
    ///     model
    public static RecipeRanks of(RecipeFile file, int worldSize, int onMachine) {
        DistributedSection section = file.recipe().distributed().orElseGet(DistributedSection::usual);
        int microBatches = file.recipe().stepScheduler().accumulation();
        Strategy strategy = worldSize == 1 ? Strategy.DDP : carriedOut(file.recipe(), section.strategy());
        TrainedValues trained = TrainedValues.of(file);
        int epSize = ExpertShares.epSize(file, worldSize);
        ExpertShares.requireExperts(file, epSize, trained.experts() > 0);
        ExpertShares experts = new ExpertShares(worldSize, epSize);
        List<Integer> shares = IntStream.range(0, worldSize)
                .mapToObj(rank -> strategy == Strategy.FSDP
                        ? ShardedModel.share(rank, worldSize, microBatches).size()
                        : new MicroBatchBlocks(worldSize).of(rank, microBatches).size())
                .toList();
        return new RecipeRanks(
                worldSize,
                onMachine,
                section,
                epSize,
                shares,
                switch (strategy) {
                    case DDP, ZERO1 -> section.summation() == Summation.FIXED ? sums(trained, shares.getFirst()) : 0;
                    case FSDP -> shardSums(trained, worldSize, microBatches);
                },
                switch (strategy) {
                    case DDP -> 0;
                    case ZERO1 -> trained.state() - trained.state() / worldSize;
                    case FSDP -> epSize == 1 ? divided(trained, worldSize) : divided(trained, experts);
                },
                switch (strategy) {
                    case DDP, ZERO1 -> sent(trained, worldSize, section);
                    case FSDP -> {
                        int passes = Math.ceilDiv(microBatches, worldSize);
                        yield epSize == 1
                                ? sentOfShards(trained, worldSize, passes)
                                : sentOfShards(withoutExperts(trained), worldSize, passes)
                                        + experts.sent(trained, passes);
                    }
                });
    }

    /// The ranks of a run with an adapter divide the state of its optimizer only.
    private static Strategy carriedOut(Recipe recipe, Strategy asked) {
        return asked == Strategy.FSDP && recipe.peft().isPresent() ? Strategy.ZERO1 : asked;
    }

    /// Bytes of the partial sums that wait while the last micro-batch of a block of 2^k runs, k of them; at least those
    /// of the sum in float32 in place of the gradients.
    private static long sums(TrainedValues trained, int block) {
        long wide = Dtype.FLOAT32.bytes();
        return trained.elements()
                * Math.max(waiting(block) * wide, wide - trained.dtype().bytes());
    }

    private static int waiting(int microBatches) {
        return Integer.SIZE - 1 - Integer.numberOfLeadingZeros(Math.max(1, microBatches));
    }

    /// Bytes of the partial sums for the share of a rank, with the one that is being added.
    private static long shardSums(TrainedValues trained, int worldSize, int microBatches) {
        return Math.ceilDiv(trained.elements(), worldSize) * Dtype.FLOAT32.bytes() * (waiting(microBatches) + 1);
    }

    /// A rank has its share of everything, the parts outside of the layers, and a layer with its gradients, once as the
    /// layer has them, once to send and once as received.
    private static long divided(TrainedValues trained, int worldSize) {
        long value = trained.dtype().bytes();
        long whole = 2 * trained.elements() * value + trained.state();
        long share = Math.ceilDiv(trained.elements() * value + trained.state(), worldSize);
        long gradients = 3 * value * Math.max(trained.root(), trained.largestLayer());
        return whole - share - value * (trained.root() + trained.largestLayer()) - gradients;
    }

    /// The same for ranks that share experts.
    private static long divided(TrainedValues trained, ExpertShares experts) {
        long value = trained.dtype().bytes();
        long whole = 2 * trained.elements() * value + trained.state();
        long share = Math.ceilDiv(trained.elements() * value + trained.state(), experts.worldSize());
        long dense =
                trained.layers().stream().mapToLong(LayerValues::dense).max().orElse(0);
        long working = trained.layers().stream()
                .mapToLong(layer -> 3 * value * layer.dense() + experts.working(layer, value))
                .max()
                .orElse(0);
        return whole
                - share
                - value * (trained.root() + dense)
                - Math.max(3 * value * trained.root(), working)
                - experts.received(trained);
    }

    private static TrainedValues withoutExperts(TrainedValues trained) {
        return new TrainedValues(
                trained.elements() - trained.experts(),
                trained.root(),
                trained.layers().stream()
                        .map(layer -> new LayerValues(layer.dense(), 0))
                        .toList(),
                trained.dtype(),
                trained.state(),
                0,
                trained.checkpointing());
    }

    /// An exchange of the parts and a gathering of the sums, or the ring of an allreduce, send the same number of
    /// values.
    private static long sent(TrainedValues trained, int worldSize, DistributedSection section) {
        long bytes = switch (section.summation()) {
            case FIXED -> Dtype.FLOAT32.bytes();
            case FAST -> trained.dtype().bytes();
        };
        // With zero1, each rank then sends the values that it updated.
        long values = section.strategy() == Strategy.DDP ? 0 : trained.dtype().bytes();
        return (worldSize - 1) * Math.ceilDiv(trained.elements(), worldSize) * (2 * bytes + values);
    }

    /// A rank sends its share of a layer for the forward pass and again for the backward pass, and the gradients of the
    /// other shares. The last layer and the parts outside of the layers are sent once.
    private static long sentOfShards(TrainedValues trained, int worldSize, int passes) {
        long layers = trained.elements() - trained.root();
        long values = trained.root() + passes * (2 * layers - trained.largestLayer());
        long gradients = passes * trained.elements();
        return (worldSize - 1)
                * Math.ceilDiv(values + gradients, worldSize)
                * trained.dtype().bytes();
    }
}
