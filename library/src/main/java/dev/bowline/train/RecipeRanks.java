package dev.bowline.train;

import dev.bowline.adapter.AdapterSummary;
import dev.bowline.catalog.AutoModel;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointMapping;
import dev.bowline.memory.MemoryReport;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.parallel.MicroBatchBlocks;
import dev.bowline.parallel.ShardedModel;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.recipe.DistributedSection.Strategy;
import dev.bowline.recipe.DistributedSection.Summation;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.Dtype;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/// The ranks of a run, computed from the recipe, config.json and the headers of the weights.
///
/// @param worldSize the number of ranks
/// @param onMachine the number of ranks of one machine
/// @param section the work that ranks share
/// @param microBatches of a step, by rank
/// @param sums bytes of the float32 sums of gradients that each rank keeps, besides the gradients
/// @param divided bytes of weights, gradients and optimizer state that a run without ranks has and a rank does not
/// @param sent bytes that each rank sends in a step
public record RecipeRanks(
        int worldSize,
        int onMachine,
        DistributedSection section,
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

    /// The values that the ranks train.
    ///
    /// @param elements all of them
    /// @param root those outside of the layers
    /// @param layer those of the largest layer
    /// @param dtype of a value and of a gradient
    /// @param state bytes of the optimizer's state
    private record Trained(long elements, long root, long layer, Dtype dtype, long state) {}

    /// @param worldSize the number of ranks
    /// @param onMachine the number of ranks of one machine
    /// @throws dev.bowline.BowlineException if the checkpoint cannot be opened, or the recipe does not fit the
    ///     model
    public static RecipeRanks of(RecipeFile file, int worldSize, int onMachine) {
        DistributedSection section = file.recipe().distributed().orElseGet(DistributedSection::usual);
        int microBatches = file.recipe().stepScheduler().accumulation();
        Strategy strategy = worldSize == 1 ? Strategy.DDP : carriedOut(file.recipe(), section.strategy());
        Trained trained = trained(file);
        List<Integer> shares = IntStream.range(0, worldSize)
                .mapToObj(rank -> strategy == Strategy.FSDP
                        ? ShardedModel.share(rank, worldSize, microBatches).size()
                        : new MicroBatchBlocks(worldSize).of(rank, microBatches).size())
                .toList();
        return new RecipeRanks(
                worldSize,
                onMachine,
                section,
                shares,
                switch (strategy) {
                    case DDP, ZERO1 -> section.summation() == Summation.FIXED ? sums(trained, shares.getFirst()) : 0;
                    case FSDP -> shardSums(trained, worldSize, microBatches);
                },
                switch (strategy) {
                    case DDP -> 0;
                    case ZERO1 -> trained.state - trained.state / worldSize;
                    case FSDP -> divided(trained, worldSize);
                },
                switch (strategy) {
                    case DDP, ZERO1 -> sent(trained, worldSize, section);
                    case FSDP -> sentOfShards(trained, worldSize, Math.ceilDiv(microBatches, worldSize));
                });
    }

    /// The ranks of a run with an adapter divide the state of its optimizer only.
    private static Strategy carriedOut(Recipe recipe, Strategy asked) {
        return asked == Strategy.FSDP && recipe.peft().isPresent() ? Strategy.ZERO1 : asked;
    }

    /// Bytes of the partial sums that wait while the last micro-batch of a block of 2^k runs, k of them; at least those
    /// of the sum in float32 in place of the gradients.
    private static long sums(Trained trained, int block) {
        long wide = Dtype.FLOAT32.bytes();
        return trained.elements * Math.max(waiting(block) * wide, wide - trained.dtype.bytes());
    }

    private static int waiting(int microBatches) {
        return Integer.SIZE - 1 - Integer.numberOfLeadingZeros(Math.max(1, microBatches));
    }

    /// Bytes of the partial sums for the share of a rank, with the one that is being added.
    private static long shardSums(Trained trained, int worldSize, int microBatches) {
        return Math.ceilDiv(trained.elements, worldSize) * Dtype.FLOAT32.bytes() * (waiting(microBatches) + 1);
    }

    /// A rank has its share of everything, the parts outside of the layers, and a layer with its gradients, once as the
    /// layer has them, once to send and once as received.
    private static long divided(Trained trained, int worldSize) {
        long value = trained.dtype.bytes();
        long whole = 2 * trained.elements * value + trained.state;
        long share = Math.ceilDiv(trained.elements * value + trained.state, worldSize);
        long gradients = 3 * value * Math.max(trained.root, trained.layer);
        return whole - share - value * (trained.root + trained.layer) - gradients;
    }

    /// An exchange of the parts and a gathering of the sums, or the ring of an allreduce, send the same number of
    /// values.
    private static long sent(Trained trained, int worldSize, DistributedSection section) {
        long bytes = switch (section.summation()) {
            case FIXED -> Dtype.FLOAT32.bytes();
            case FAST -> trained.dtype.bytes();
        };
        // With zero1, each rank then sends the values that it updated.
        long values = section.strategy() == Strategy.DDP ? 0 : trained.dtype.bytes();
        return (worldSize - 1) * Math.ceilDiv(trained.elements, worldSize) * (2 * bytes + values);
    }

    /// A rank sends its share of a layer for the forward pass and again for the backward pass, and the gradients of the
    /// other shares. The last layer and the parts outside of the layers are sent once.
    private static long sentOfShards(Trained trained, int worldSize, int passes) {
        long layers = trained.elements - trained.root;
        long values = trained.root + passes * (2 * layers - trained.layer);
        long gradients = passes * trained.elements;
        return (worldSize - 1) * Math.ceilDiv(values + gradients, worldSize) * trained.dtype.bytes();
    }

    private static Trained trained(RecipeFile file) {
        Recipe recipe = file.recipe();
        OptimizerSettings optimizer = RecipePlan.settings(recipe.optimizer());
        Optional<Long> ofAdapter = RecipeAdapter.of(file).map(AdapterSummary::trainedValues);
        if (ofAdapter.isPresent()) {
            long elements = ofAdapter.get();
            return new Trained(elements, 0, 0, Dtype.FLOAT32, optimizer.stateBytes(Dtype.FLOAT32, elements));
        }
        try (Checkpoint checkpoint = Checkpoint.open(recipe.model().pretrainedModel());
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            ModelFit.resize(recipe, model);
            Dtype dtype = recipe.model()
                    .torchDtype()
                    .orElseGet(() -> CheckpointMapping.of(checkpoint, model).loadDtype());
            return trained(model, Freezing.components(recipe.freezeConfig()), dtype, optimizer);
        }
    }

    private static Trained trained(
            LanguageModel model, Set<Component> frozen, Dtype dtype, OptimizerSettings optimizer) {
        Map<String, Parameter> trained = new HashMap<>(model.parameters());
        trained.entrySet()
                .removeIf(entry ->
                        entry.getValue().role() == SlotRole.BUFFER || frozen.contains(model.component(entry.getKey())));
        long root = elements(trained);
        long largest = 0;
        for (Layer layer : model.layers()) {
            Map<String, Parameter> own = layer.parameters();
            own.keySet().retainAll(trained.keySet());
            root -= elements(own);
            largest = Math.max(largest, elements(own));
        }
        long state = trained.values().stream()
                .mapToLong(parameter -> optimizer.stateBytes(dtype, parameter.shape()))
                .sum();
        return new Trained(elements(trained), root, largest, dtype, state);
    }

    private static long elements(Map<String, Parameter> parameters) {
        return parameters.values().stream().mapToLong(Parameter::elements).sum();
    }
}
